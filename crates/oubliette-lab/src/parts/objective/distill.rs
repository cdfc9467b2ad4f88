//! Retain by distillation: predict what the original model predicts.

use burn::tensor::Tensor;
use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{Objective, Scene, Stateful, mean_square};
use crate::{Card, Entry, Result};

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
pub struct Distill {}

impl Stateful for Distill {}

impl Objective for Distill {
    fn loss(&self, scene: &Scene<'_>, student: &Weights) -> Result<Tensor<1>> {
        let (study, batch) = (scene.study, scene.batch);
        let teacher =
            study.predict(study.original, batch, study.context(study.original, &batch.prompts)?);
        let own = study.predict(student, batch, study.context(student, &batch.prompts)?);
        Ok(mean_square(own, teacher))
    }
}
