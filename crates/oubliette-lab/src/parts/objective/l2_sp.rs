//! Retain by staying near: the mean square of what the weights have moved.

use burn::tensor::Tensor;
use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{Objective, Scene, Stateful, drift};
use crate::{Card, Entry, Result};

pub(super) const ENTRY: Entry<dyn Objective> = Entry::of::<L2Sp>(Card {
    name: "l2_sp",
    what: "The mean squared distance of every trained weight from what it was.",
    changes: "what the mask lets move",
    cost: "no forward",
    source: "Continual Unlearning for Text-to-Image Diffusion Models (arXiv 2511.07970), L2-SP, weight 25000; L2-SP (arXiv 1802.01483)",
    broken_by: "weights that stay near bring the concept back the sooner (arXiv 2410.08074, for celebrities)",
    ..Card::BLANK
});

/// Staying near the start; give it the paper's `weight` of 25000.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct L2Sp {}

impl Stateful for L2Sp {}

impl Objective for L2Sp {
    fn loss(&self, scene: &Scene<'_>, student: &Weights) -> Result<Tensor<1>> {
        let (sum, count) = drift(scene, student, |_, change| change.clone() * change)?;
        Ok(sum / count as f64)
    }

    fn looks_at_moves(&self) -> bool {
        true
    }
}
