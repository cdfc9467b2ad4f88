//! Retain by distillation: predict what the original model predicts.

use burn::tensor::Tensor;
use oubliette_evidence::Concept;
use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{Objective, Scene, Stateful, mean_square};
use crate::{Card, Entry, Result, wording};

pub(super) const ENTRY: Entry<dyn Objective> = Entry::of::<Distill>(Card {
    name: "distill",
    what: "The student's prediction on retain prompts is held to the original model's.",
    changes: "what the mask lets move",
    cost: "one forward of the original model a step",
    broken_by: "prompts that the retain set does not cover",
    source: "Sculpting Memory (arXiv 2504.09039), distillation term; AdvUnlearn (arXiv 2405.15234), retain term",
    ..Card::BLANK
});

/// Mean square between student and original on the same latents and prompts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Distill {
    /// The text that both predict under; absent: the batch's own prompts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub under: Option<Under>,
}

/// Another text in place of a prompt that names the concept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Under {
    /// The prompt with the superclass in the concept's place; without a superclass, the empty text.
    Superclass,
    /// The empty text.
    Nothing,
}

impl Under {
    /// The text that stands for each of `prompts`.
    pub fn texts(self, concepts: &[Concept], prompts: &[String]) -> Vec<String> {
        let text = |prompt: &String| match (self, wording::named(concepts, prompt)) {
            (Self::Superclass, Some((concept, name))) => concept
                .superclass
                .as_ref()
                .map_or_else(String::new, |other| wording::replace(prompt, name, other)),
            _ => String::new(),
        };
        prompts.iter().map(text).collect()
    }
}

impl Stateful for Distill {}

impl Objective for Distill {
    fn loss(&self, scene: &Scene<'_>, student: &Weights) -> Result<Tensor<1>> {
        let (study, batch) = (scene.study, scene.batch);
        let texts = match self.under {
            Some(under) => under.texts(scene.concepts, &batch.prompts),
            None => batch.prompts.clone(),
        };
        let teacher = study.predict(study.original, batch, study.context(study.original, &texts)?);
        let own = study.predict(student, batch, study.context(student, &texts)?);
        Ok(mean_square(own, teacher))
    }
}
