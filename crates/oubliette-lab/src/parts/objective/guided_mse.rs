//! The diffusion loss of what a user sees: of the guided prediction.

use burn::tensor::Tensor;
use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{Objective, Scene, Stateful, mean_square, pictured};
use crate::{Card, Entry, Result};

pub(super) const ENTRY: Entry<dyn Objective> = Entry::of::<GuidedMse>(Card {
    name: "guided_mse",
    what: "Mean square between the guided prediction and the noise of a noised picture.",
    changes: "what the mask lets move",
    cost: "the student's forward on twice the rows",
    source: "SalUn (arXiv 2310.12508), released code: the loss whose gradients make the saliency map",
    broken_by: "as `noise_mse`",
    ..Card::BLANK
});

/// The diffusion loss under guidance.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuidedMse {
    /// `(1 + guidance) · with − guidance · without` is compared.
    pub guidance: f64,
}

impl Default for GuidedMse {
    fn default() -> Self {
        Self { guidance: 7.5 }
    }
}

impl Stateful for GuidedMse {}

impl Objective for GuidedMse {
    fn needs_pictures(&self) -> bool {
        true
    }

    fn loss(&self, scene: &Scene<'_>, student: &Weights) -> Result<Tensor<1>> {
        let (study, batch) = (scene.study, scene.batch);
        let target = pictured("guided_mse", batch)?;
        let empty = study.context(student, &vec![String::new(); batch.prompts.len()])?;
        let named = study.context(student, &batch.prompts)?;
        let [without, with] = study.predict_many(student, batch, [empty, named]);
        let guided = with * (1.0 + self.guidance) - without * self.guidance;
        Ok(mean_square(guided, target))
    }
}
