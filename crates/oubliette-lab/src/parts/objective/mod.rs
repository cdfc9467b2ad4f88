//! What "forget" and "retain" mean as losses.

mod anchor_match;
mod appended;
mod ascent;
mod attention_norm;
mod disguised;
mod distill;
mod elastic;
mod guidance_reversal;
mod guided_mse;
mod irrelevance;
mod l1_sp;
mod l2_sp;
mod latent_anchor;
mod noise_mse;

pub use anchor_match::{AnchorMatch, Teacher};
pub use appended::Appended;
pub use ascent::Ascent;
pub use attention_norm::AttentionNorm;
pub use disguised::{Disguised, goal, likeness};
pub use distill::{Distill, Under};
pub use elastic::Elastic;
pub use guidance_reversal::{From, GuidanceReversal};
pub use guided_mse::GuidedMse;
pub use irrelevance::Irrelevance;
pub use l1_sp::L1Sp;
pub use l2_sp::L2Sp;
pub use latent_anchor::LatentAnchor;
pub use noise_mse::NoiseMse;

use std::collections::BTreeSet;

use burn::tensor::Tensor;
use oubliette_evidence::Concept;
use oubliette_model::Weights;
use serde::{Serialize, de::DeserializeOwned};

use super::{At, Stateful, anchor::Anchor, source::Batch};
use crate::{Error, List, Make, Result, Study, describe::Describe, lot::Lot};

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

/// What a loss may get ready from.
pub struct Preparing<'a> {
    /// What it will look at.
    pub scene: Scene<'a>,
    /// The weights before the step.
    pub student: &'a Weights,
    /// Where the stage stands.
    pub at: At,
    /// All randomness of the preparation.
    pub lot: Lot,
}

/// A loss on one batch, differentiable in the student's weights.
pub trait Objective: Stateful + Describe {
    /// The loss, one number. Whatever does not depend on `student` is a constant in it.
    ///
    /// # Errors
    /// When the batch lacks what this loss needs, or the model fails.
    fn loss(&self, scene: &Scene<'_>, student: &Weights) -> Result<Tensor<1>>;

    /// Gets ready for a step, before any gradient of it is taken.
    ///
    /// # Errors
    /// As [`Objective::loss`].
    fn prepare(&mut self, _from: &Preparing<'_>) -> Result<()> {
        Ok(())
    }

    /// About how many forwards of one row getting ready takes in a step, for every row, where a step forward and backward takes `step`.
    fn preparation(&self, _step: f64) -> f64 {
        0.0
    }

    /// How many numbers it keeps for every one that is trained.
    fn copies(&self) -> u64 {
        0
    }

    /// Whether it compares with what a noised picture should be predicted as.
    fn needs_pictures(&self) -> bool {
        false
    }

    /// Whether it looks at what the anchor makes of the concept.
    fn looks_at_anchor(&self) -> bool {
        false
    }

    /// Refuses settings with which it could say nothing, before a model is loaded.
    ///
    /// # Errors
    /// The first such setting.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Whether it looks at how far the model's own weights have moved.
    fn looks_at_moves(&self) -> bool {
        false
    }

    /// Steps before training in which this loss looks at the model as it was.
    fn survey(&self) -> u64 {
        0
    }

    /// Looks at one batch; `moving` is what training will move.
    ///
    /// # Errors
    /// As [`Objective::loss`].
    fn look(&mut self, _scene: &Scene<'_>, _moving: &BTreeSet<String>) -> Result<()> {
        Ok(())
    }
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
        appended::ENTRY,
        ascent::ENTRY,
        attention_norm::ENTRY,
        disguised::ENTRY,
        distill::ENTRY,
        elastic::ENTRY,
        guidance_reversal::ENTRY,
        guided_mse::ENTRY,
        irrelevance::ENTRY,
        l1_sp::ENTRY,
        l2_sp::ENTRY,
        latent_anchor::ENTRY,
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

/// The sum of `cost` over the elements of all weights that move, of the difference to what they were, and their number.
fn drift(
    scene: &Scene<'_>,
    student: &Weights,
    mut cost: impl FnMut(&str, Tensor<1>) -> Tensor<1>,
) -> Result<(Tensor<1>, usize)> {
    let mut sum: Option<(Tensor<1>, usize)> = None;
    for (name, weight) in student {
        let (now, was) = (weight.flat(), scene.study.was(name));
        let Some(was) = was.filter(|_| now.is_tracked()) else { continue };
        let one = cost(name, now - was.flat()).sum();
        sum = Some(match sum {
            None => (one, weight.len()),
            Some((all, count)) => (all + one, count + weight.len()),
        });
    }
    sum.ok_or_else(|| Error::Input {
        file: "the recipe".to_owned(),
        thing: "a loss on what the weights have moved is asked of a training that moves none of the model's own".to_owned(),
        remedy: "train the model's weights and no adapter, or leave the loss out".to_owned(),
    })
}

/// Mean of squared differences over all elements.
fn mean_square(prediction: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
    let difference = prediction - target;
    (difference.clone() * difference).mean()
}
