//! Forget by ascent: make the diffusion loss on pictures of the concept grow, up to a point.

use burn::tensor::Tensor;
use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{NoiseMse, Objective, Scene, Stateful};
use crate::{Card, Entry, Result};

pub(super) const ENTRY: Entry<dyn Objective> = Entry::of::<Ascent>(Card {
    name: "ascent",
    what: "The negative of the diffusion loss on the concept's pictures; beyond `truncate` the loss is divided by its own value, so that \
           its gradient no longer grows with it.",
    changes: "what the mask lets move",
    cost: "no forward beside the student's own",
    source: "Boosting Alignment for Post-Unlearning Text-to-Image Generative Models (arXiv 2412.07808), section 3; released code",
    broken_by: "nothing holds the rest of the model: use a retain term",
    differs: "`truncate` is the paper's bound (M in the released script), `alpha` of the combiner the weight of the retain part; the \
              paper's text gives the second value to the first",
    ..Card::BLANK
});

/// Truncated ascent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ascent {
    /// The loss above which it saturates at 1.
    pub truncate: f64,
}

impl Default for Ascent {
    fn default() -> Self {
        Self { truncate: 1.1 }
    }
}

impl Stateful for Ascent {}

impl Ascent {
    /// The truncated negative of a loss.
    pub fn of(&self, loss: Tensor<1>) -> Tensor<1> {
        let value: f32 = loss.clone().inner().into_scalar();
        let scale = if f64::from(value) > self.truncate { f64::from(value) } else { 1.0 };
        loss.div_scalar(scale).neg()
    }
}

impl Objective for Ascent {
    fn needs_pictures(&self) -> bool {
        true
    }

    fn loss(&self, scene: &Scene<'_>, student: &Weights) -> Result<Tensor<1>> {
        Ok(self.of(NoiseMse {}.loss(scene, student)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// The loss and its slope at x for a loss of x².
    fn at(x: f32, ascent: &Ascent) -> (f32, f32) {
        let x = Tensor::<1>::from_floats([x], &Device::flex().autodiff()).require_grad();
        let loss = ascent.of(x.clone() * x.clone());
        let gradients = loss.backward();
        let slope: f32 = x.grad(&gradients).unwrap().into_scalar();
        (loss.inner().into_scalar(), slope)
    }

    #[test]
    fn the_loss_climbs_and_saturates() {
        let ascent = Ascent { truncate: 1.0 };
        assert_eq!(at(0.5, &ascent), (-0.25, -1.0));
        let (loss, slope) = at(2.0, &ascent);
        assert!((loss + 1.0).abs() < 1e-6 && (slope + 1.0).abs() < 1e-6, "{loss} {slope}");
    }
}
