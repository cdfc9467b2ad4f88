//! What the model card is told: a fenced section that is added, while everything else on it stays.

use oubliette_evidence::{Concept, Digest, canonical, plan::UpdatePlan, settings::settings};

use oubliette_model::{
    attached::{ATTACHED_FILE, Attached},
    families::StableDiffusion,
    sample::GUIDANCE_FILE,
    store::CardSection,
};

use super::ResolvedUnlearn;
use crate::Result;

/// The section of a model that was made to forget: by new weights, or `beside` them, by a policy or by what is attached.
pub(super) fn unlearned(
    resolved: &ResolvedUnlearn,
    digest: Digest,
    beside: Option<&str>,
    model: &StableDiffusion,
) -> Result<CardSection> {
    let plan = &resolved.plan;
    let concepts = plan.concept.all();
    let reason = |concept: &Concept| {
        let reason = concept.reason.as_ref()?;
        Some(format!("- Reason for `{}`: {reason}\n", concept.id))
    };
    let reason: String = concepts.iter().filter_map(reason).collect();
    let body = format!(
        "{what}\n{policy}{reason}\
         - Method: `{method}`, settings {settings}\n\
         {parts}\
         - Original model: `{model}`, digest {original}\n\
         - Plan: {digest}, seed {seed}\n",
        what = what_was_done(concepts, beside),
        policy = carried(model),
        method = plan.method,
        settings = fenced(&canonical::to_text(&plan.settings)?),
        parts = exchanged(resolved)?,
        model = plan.model.name,
        original = plan.model.digest,
        seed = plan.seed,
    );
    Ok(CardSection { title: "Concept removal".to_owned(), body })
}

/// The parts that are not the method's own, where there are any.
fn exchanged(resolved: &ResolvedUnlearn) -> Result<String> {
    let Some(parts) = &resolved.parts else { return Ok(String::new()) };
    let text = canonical::to_text(&settings(parts)?)?;
    Ok(format!("- Parts in place of the method's own: {}\n", fenced(&text)))
}

/// The id of a concept with its names.
fn named(concept: &Concept) -> String {
    let names: Vec<String> = concept.names.iter().map(|name| format!("\"{name}\"")).collect();
    format!("`{}` ({})", concept.id, names.join(", "))
}

/// What a reader should know first.
fn what_was_done(concepts: &[Concept], beside: Option<&str>) -> String {
    let shown: Vec<String> = concepts.iter().map(named).collect();
    let shown = shown.join(", ");
    let (concept, is) = match concepts {
        [_] => ("concept", "is"),
        _ => ("concepts", "are"),
    };
    if let Some(file) = beside {
        return format!(
            "No weight of this model was changed: the {concept} {shown} {is} only suppressed, and only while pictures are\n\
             sampled through what `{file}` says. Whether it stays away even then, also after further\n\
             training, is a question for an audit, and its verdict speaks only of the attacks that were run.\n"
        );
    }
    format!(
        "This model was changed so that it no longer shows the {concept} {shown}.\n\
         Suppression is not deletion: whether the concept stays away, also after further training, is a\n\
         question for an audit, and its verdict speaks only of the attacks that were run.\n"
    )
}

/// The section of a model that was trained further.
pub(super) fn updated(
    plan: &UpdatePlan,
    digest: Digest,
    model: &StableDiffusion,
) -> Result<CardSection> {
    let body = format!(
        "This model is `{model}` (digest {original}) trained further on `{data}` (digest {pictures}).\n\
         Concepts that were removed before may have come back: audit it.\n\n\
         {policy}\
         - Training: {train}\n\
         - Plan: {digest}, seed {seed}\n",
        model = plan.model.name,
        original = plan.model.digest,
        data = plan.data.name,
        pictures = plan.data.digest,
        policy = carried(model),
        train = fenced(&canonical::to_text(&plan.train)?),
        seed = plan.seed,
    );
    Ok(CardSection { title: "Update".to_owned(), body })
}

/// What stands beside the weights, what it does, and for whom it does nothing.
fn carried(model: &StableDiffusion) -> String {
    let others = "oubliette follows it. Other programs, diffusers among them, ignore it: to them, and to whoever removes it,\n\
                  this is the model without it.\n\n";
    let policy = model.guidance().map(|guidance| {
        format!(
            "The file `{GUIDANCE_FILE}` is a sampling policy: it leads pictures away from \"{text}\" while they are sampled,\n\
             and changes no weight. {others}",
            text = guidance.text(),
        )
    });
    let attached = model.attached().map(|attached| {
        let what = match attached {
            Attached::Erasers {} => "small networks behind its cross-attentions",
            Attached::GatedAdapters { .. } => "adapters, each as strong as a prompt is like its texts",
        };
        format!("The file `{ATTACHED_FILE}` attaches {what} to the denoiser, and changes no weight of its own. {others}")
    });
    policy.into_iter().chain(attached).collect()
}

fn fenced(json: &str) -> String {
    format!("\n\n```json\n{json}\n```\n")
}
