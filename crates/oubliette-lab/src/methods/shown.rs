//! What methods show in training: prompts that name the concept, what stands beside it, and pictures of both.

use oubliette_evidence::{Concept, concept::Prompts};

use crate::{
    Error, Result,
    parts::{
        anchor::{Anchor, Replaced, Superclass},
        objective::{AnchorMatch, NoiseMse},
        source::Prompts as Source,
    },
    training::{Train, Weighted},
    wording,
};

/// The concept's prompts that hold one of its names; `templates`, where given, take the place of its own.
pub(super) fn prompts(concept: &Concept, templates: &[String]) -> Vec<String> {
    prompts_of(&concept.names, concept, templates)
}

/// The same prompts about other `names`.
pub(super) fn prompts_of(names: &[String], concept: &Concept, templates: &[String]) -> Vec<String> {
    let own = match (&concept.prompts, templates.is_empty()) {
        (_, false) => templates.to_vec(),
        (Prompts::Templates(own), true) => own.clone(),
        (Prompts::Csv(_), true) => Vec::new(),
    };
    let mut templates: Vec<String> =
        own.into_iter().filter(|template| template.contains("{name}")).collect();
    if templates.is_empty() {
        templates = vec!["a {name}".to_owned(), "a picture of a {name}".to_owned()];
    }
    let fill = |name: &String| templates.iter().map(|t| wording::fill(t, name)).collect::<Vec<_>>();
    names.iter().flat_map(fill).collect()
}

/// Names that must be kept beside `concept`: `chosen`, or else its neighbours and its superclass. A name of one of `concepts`, which are
/// forgotten with it, is none of them, so that concepts may be each other's neighbours.
///
/// # Errors
/// When there are none.
pub(super) fn kept(
    concepts: &[Concept],
    concept: &Concept,
    chosen: &[String],
) -> Result<Vec<String>> {
    let usual = || concept.keep.iter().chain(&concept.superclass).cloned().collect();
    let mut kept: Vec<String> = if chosen.is_empty() { usual() } else { chosen.to_vec() };
    let forgotten = |name: &String| {
        concepts
            .iter()
            .flat_map(|one| &one.names)
            .any(|own| own.to_lowercase() == name.to_lowercase())
    };
    kept.retain(|name| !forgotten(name));
    if kept.is_empty() {
        return Err(Error::Input {
            file: format!("concept `{}`", concept.id),
            thing: "beside it nothing is left that must stay: the retain set is empty".to_owned(),
            remedy: "add `keep` or `superclass`, or name other things than what is to be forgotten in the method's `retain` (`protect`)"
                .to_owned(),
        });
    }
    Ok(kept)
}

/// A name in the concept's place, or its superclass where none is given.
pub(super) fn instead(name: Option<&String>) -> Box<dyn Anchor> {
    match name {
        Some(name) => Box::new(Replaced { with: name.clone() }),
        None => Box::new(Superclass {}),
    }
}

/// How the pictures that a method trains on are made.
pub(super) struct Drawing {
    /// At least so many; every prompt is drawn equally often.
    pub(super) pictures: usize,
    /// DPM-Solver++ steps.
    pub(super) steps: u32,
    /// Guidance scale.
    pub(super) guidance: f64,
    /// Rows of a training step.
    pub(super) batch: usize,
}

impl Drawing {
    /// Pictures of `prompts` by the original model.
    pub(super) fn of(&self, prompts: Vec<String>) -> Source {
        let repeats = self.pictures.div_ceil(prompts.len().max(1)).max(1);
        let mut source = Source::new(prompts, repeats, self.batch);
        (source.guidance, source.steps) = (self.guidance, self.steps);
        source
    }
}

/// The concept's prompts on their own pictures become another class; pictures of what must stay are held by the diffusion loss.
pub(super) struct Relabelled<'a> {
    /// The other class; absent: the concept's first neighbour, or its superclass.
    pub(super) label: Option<&'a str>,
    /// Texts with `{name}`; empty: the concept's own.
    pub(super) templates: &'a [String],
    /// What must stay; empty: the concept's neighbours and its superclass.
    pub(super) retain: &'a [String],
}

impl Relabelled<'_> {
    /// A stage with sources, anchor and losses of both sides.
    ///
    /// # Errors
    /// When a concept has nothing to stay, or the concepts would become different things.
    pub(super) fn train(&self, concepts: &[Concept], drawing: &Drawing) -> Result<Train> {
        let (mut forget, mut retain, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        for concept in concepts {
            let kept = kept(concepts, concept, self.retain)?;
            forget.extend(prompts(concept, self.templates));
            retain.extend(prompts_of(&kept, concept, self.templates));
            labels.push(self.label.map_or_else(|| kept[0].clone(), str::to_owned));
        }
        Ok(Train {
            source: Box::new(drawing.of(forget)),
            retain_source: Some(Box::new(drawing.of(retain))),
            anchor: Box::new(Replaced { with: one(&labels)? }),
            forget: vec![Weighted::one(AnchorMatch::default())],
            retain: vec![Weighted::one(NoiseMse {})],
            ..Train::named("relabel")
        })
    }
}

/// The one label of all concepts.
fn one(labels: &[String]) -> Result<String> {
    match labels {
        [first, rest @ ..] if rest.iter().all(|label| label == first) => Ok(first.clone()),
        _ => Err(Error::Input {
            file: "the recipe".to_owned(),
            thing: format!("the concepts would become different things: {}", labels.join(", ")),
            remedy: "give the method one `label` for all of them, or forget them in turn"
                .to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oubliette_evidence::document::Document;

    fn concept(name: &str, keep: &str) -> Concept {
        let text = format!(
            "schema = 1\nid = \"{name}\"\nkind = \"object\"\nnames = [\"{name}\"]\nkeep = [{keep}]\nprompts = [\"a {{name}}\"]\n\
             [[detector]]\nkind = \"clip\"\n[claim]\ntolerated = 0.05\nreturned = 0.3\nfalse_alarm = 0.05\nmissed_return = 0.05\n\
             keep_margin = 0.05\n"
        );
        Concept::parse(&Document::new("it.toml".as_ref(), text)).unwrap()
    }

    #[test]
    fn what_is_to_be_forgotten_is_not_kept() {
        let both = [concept("lion", "\"cat\", \"fox\""), concept("cat", "\"lion\"")];
        assert_eq!(kept(&both, &both[0], &[]).unwrap(), ["fox"]);
        let chosen = ["Lion", "sea lion", "ant"].map(str::to_owned);
        assert_eq!(kept(&both, &both[0], &chosen).unwrap(), ["sea lion", "ant"]);
        let error = kept(&both, &both[1], &[]).unwrap_err().to_string();
        assert!(error.contains("the retain set is empty"), "{error}");
    }
}
