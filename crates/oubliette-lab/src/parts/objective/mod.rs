//! What "forget" and "retain" mean as losses.

mod anchor_match;
mod ascent;
mod distill;
mod guidance_reversal;
mod guided_mse;
mod noise_mse;

pub use anchor_match::{AnchorMatch, Teacher};
pub use ascent::Ascent;
pub use distill::{Distill, Under};
pub use guidance_reversal::{From, GuidanceReversal};
pub use guided_mse::GuidedMse;
pub use noise_mse::NoiseMse;

use burn::tensor::Tensor;
use oubliette_evidence::Concept;
use oubliette_model::Weights;
use serde::{Serialize, de::DeserializeOwned};

use super::{Stateful, anchor::Anchor, source::Batch};
use crate::{Error, List, Make, Result, Study, describe::Describe};

/// What a loss looks at in one step.
pub struct Scene<'a> {
    /// The model that is being changed, and the one it was.
    pub study: &'a Study<'a>,
    /// The concepts that are to be forgotten.
    pub concepts: &'a [Concept],
    /// What stands in for them.
    pub anchor: &'a dyn Anchor,
    /// Noisy latents, their timesteps and prompts.
    pub batch: &'a Batch,
}

/// A loss on one batch, differentiable in the student's weights.
pub trait Objective: Stateful + Describe {
    /// The loss, one number. Whatever does not depend on `student` is a constant in it.
    ///
    /// # Errors
    /// When the batch lacks what this loss needs, or the model fails.
    fn loss(&self, scene: &Scene<'_>, student: &Weights) -> Result<Tensor<1>>;
}

impl<O: Objective + Serialize + DeserializeOwned + 'static> Make<dyn Objective> for O {
    fn boxed(self) -> Box<dyn Objective> {
        Box::new(self)
    }
}

/// All objectives.
pub const OBJECTIVES: List<dyn Objective> = List {
    what: "objective",
    all: &[
        anchor_match::ENTRY,
        ascent::ENTRY,
        distill::ENTRY,
        guidance_reversal::ENTRY,
        guided_mse::ENTRY,
        noise_mse::ENTRY,
    ],
};

/// What the noised pictures of a batch should be predicted as, for the objective `name`.
fn pictured(name: &str, batch: &Batch) -> Result<Tensor<4>> {
    batch.target.clone().ok_or_else(|| Error::Input {
        file: "the recipe".to_owned(),
        thing: format!(
            "the objective `{name}` needs noised pictures, which this source does not give"
        ),
        remedy: "use the source `pictures` or `prompts` for that term".to_owned(),
    })
}

/// Mean of squared differences over all elements.
fn mean_square(prediction: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
    let difference = prediction - target;
    (difference.clone() * difference).mean()
}
