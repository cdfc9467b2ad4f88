//! What methods show in training: prompts that name the concept, what stands beside it, and pictures of both.

use oubliette_evidence::Concept;

use crate::{
    Error, Result,
    parts::{
        anchor::{Anchor, Replaced, Superclass},
        objective::{AnchorMatch, NoiseMse},
        source::Prompts as Source,
    },
    training::{Train, Weighted},
};

use crate::wording::must_be_another;
pub(super) use crate::wording::{kept, prompts_of};

/// The concept's prompts that hold one of its names; `templates`, where given, take the place of its own.
pub(super) fn prompts(concept: &Concept, templates: &[String]) -> Vec<String> {
    prompts_of(&concept.names, concept, templates)
}

/// A name in the concept's place, or its superclass where none is given; `key` is what the method calls it.
///
/// # Errors
/// When it is the concept's own.
pub(super) fn instead(
    concepts: &[Concept],
    key: &str,
    name: Option<&String>,
) -> Result<Box<dyn Anchor>> {
    match name {
        Some(name) => {
            must_be_another(concepts, key, name)?;
            Ok(Box::new(Replaced { with: name.clone() }))
        }
        None => Ok(Box::new(Superclass {})),
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
        // None of none: what draws nothing is refused with the stage.
        let repeats = self.pictures.div_ceil(prompts.len().max(1));
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
        if let Some(label) = self.label {
            must_be_another(concepts, "label", label)?;
        }
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
