//! What the model card is told: a fenced section that is added, while everything else on it stays.

use oubliette_evidence::{
    Concept, Digest, canonical,
    plan::{UnlearnPlan, UpdatePlan},
};

use oubliette_model::store::CardSection;

use crate::Result;

/// The section of a model that was made to forget.
pub(super) fn unlearned(plan: &UnlearnPlan, digest: Digest) -> Result<CardSection> {
    let concepts = plan.concept.all();
    let shown: Vec<String> = concepts.iter().map(named).collect();
    let plural = if concepts.len() == 1 { "" } else { "s" };
    let reason = |concept: &Concept| {
        let reason = concept.reason.as_ref()?;
        Some(format!("- Reason for `{}`: {reason}\n", concept.id))
    };
    let reason: String = concepts.iter().filter_map(reason).collect();
    let body = format!(
        "This model was changed so that it no longer shows the concept{plural} {shown}.\n\
         Suppression is not deletion: whether the concept stays away, also after further training, is a\n\
         question for an audit, and its verdict speaks only of the attacks that were run.\n\n\
         {reason}\
         - Method: `{method}`, settings {settings}\n\
         - Original model: `{model}`, digest {original}\n\
         - Plan: {digest}, seed {seed}\n",
        shown = shown.join(", "),
        method = plan.method,
        settings = fenced(&canonical::to_text(&plan.settings)?),
        model = plan.model.name,
        original = plan.model.digest,
        seed = plan.seed,
    );
    Ok(CardSection { title: "Concept removal".to_owned(), body })
}

/// The id of a concept with its names.
fn named(concept: &Concept) -> String {
    let names: Vec<String> = concept.names.iter().map(|name| format!("\"{name}\"")).collect();
    format!("`{}` ({})", concept.id, names.join(", "))
}

/// The section of a model that was trained further.
pub(super) fn updated(plan: &UpdatePlan, digest: Digest) -> Result<CardSection> {
    let body = format!(
        "This model is `{model}` (digest {original}) trained further on `{data}` (digest {pictures}).\n\
         Concepts that were removed before may have come back: audit it.\n\n\
         - Training: {train}\n\
         - Plan: {digest}, seed {seed}\n",
        model = plan.model.name,
        original = plan.model.digest,
        data = plan.data.name,
        pictures = plan.data.digest,
        train = fenced(&canonical::to_text(&plan.train)?),
        seed = plan.seed,
    );
    Ok(CardSection { title: "Update".to_owned(), body })
}

fn fenced(json: &str) -> String {
    format!("\n\n```json\n{json}\n```\n")
}
