//! The ordinary diffusion loss on pictures: predict the noise that was added.

use burn::tensor::Tensor;
use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{Objective, Scene, Stateful, mean_square, pictured};
use crate::{Card, Entry, Result};

pub(super) const ENTRY: Entry<dyn Objective> = Entry::of::<NoiseMse>(Card {
    name: "noise_mse",
    what: "Mean square between the prediction and the noise (or v, or the sample) of a noised picture.",
    changes: "what the mask lets move",
    cost: "no forward beside the student's own",
    broken_by: "as a retain term: few pictures, narrow prompts",
    source: "Denoising Diffusion Probabilistic Models (arXiv 2006.11239), equation 14",
    ..Card::BLANK
});

/// The model's training loss.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NoiseMse {}

impl Stateful for NoiseMse {}

impl Objective for NoiseMse {
    fn needs_pictures(&self) -> bool {
        true
    }

    fn loss(&self, scene: &Scene<'_>, student: &Weights) -> Result<Tensor<1>> {
        let batch = scene.batch;
        let target = pictured("noise_mse", batch)?;
        let context = scene.study.context(student, &batch.prompts)?;
        Ok(mean_square(scene.study.predict(student, batch, context), target))
    }
}
