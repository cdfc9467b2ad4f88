//! Forget by matching: under the concept's prompt, predict what is predicted under the anchor's.

use burn::tensor::Tensor;
use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{Objective, Scene, Stateful, mean_square};
use crate::{Card, Entry, Result};

pub(super) const ENTRY: Entry<dyn Objective> = Entry::of::<AnchorMatch>(Card {
    name: "anchor_match",
    what: "The prediction under the concept's prompt is moved to the prediction under the anchor's prompt.",
    changes: "what the mask lets move",
    cost: "one forward under the anchor a step, beside the training step",
    source: "Ablating Concepts in Text-to-Image Diffusion Models (arXiv 2303.13516), equation 4",
    broken_by: "an anchor that shares what defines the concept; prompts that were not trained on",
    ..Card::BLANK
});

/// Who says what the anchor's prediction is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Teacher {
    /// The student as it is at this step, as a constant: the paper's and its release's.
    #[default]
    Student,
    /// The model before anything was changed.
    Original,
}

/// Mean square between the two predictions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnchorMatch {
    /// Who predicts under the anchor.
    pub teacher: Teacher,
}

impl Stateful for AnchorMatch {}

impl Objective for AnchorMatch {
    fn looks_at_anchor(&self) -> bool {
        true
    }

    fn loss(&self, scene: &Scene<'_>, student: &Weights) -> Result<Tensor<1>> {
        let (study, batch) = (scene.study, scene.batch);
        let target = |teacher: &Weights| {
            let anchor = scene.anchor.condition(study, teacher, scene.concepts, &batch.prompts)?;
            Ok::<_, crate::Error>(study.predict(teacher, batch, anchor))
        };
        let target = match self.teacher {
            Teacher::Original => target(study.original)?,
            Teacher::Student => target(&student.map(|_, weight| weight.inner()))?,
        };
        let own = study.predict(student, batch, study.context(student, &batch.prompts)?);
        Ok(mean_square(own, target))
    }
}
