//! What the concept becomes: the condition whose prediction takes its place.

mod adversarial;
mod nothing;
mod prompt;
mod replaced;
mod superclass;

pub use adversarial::{Adversarial, Schedule, Seen, Similarity};
pub use nothing::Nothing;
pub use prompt::Prompt;
pub use replaced::Replaced;
pub use superclass::Superclass;
pub(crate) use superclass::superclass_of;

use burn::tensor::Tensor;
use oubliette_evidence::Concept;
use oubliette_model::Weights;
use serde::{Serialize, de::DeserializeOwned};

use super::{Stateful, source::Batch};
use crate::{List, Make, Result, Study, describe::Describe, lot::Lot};

/// What an anchor may learn from in one step.
pub struct Learning<'a> {
    /// The model that is being changed, and the one it was.
    pub study: &'a Study<'a>,
    /// The concepts that are to be forgotten.
    pub concepts: &'a [Concept],
    /// What the forget losses look at in this step.
    pub batch: &'a Batch,
    /// Whether nothing but the anchor learns in this step.
    pub alone: bool,
    /// All randomness of the step.
    pub lot: Lot,
}

/// Says what the model should see in place of the concept.
pub trait Anchor: Stateful + Describe {
    /// The text that stands in for each of `prompts`.
    ///
    /// # Errors
    /// When a concept lacks what the anchor needs.
    fn texts(&self, concepts: &[Concept], prompts: &[String]) -> Result<Vec<String>>;

    /// Refuses what leaves the concept what it is, before a model is loaded.
    ///
    /// # Errors
    /// As said.
    fn check(&self, _concepts: &[Concept]) -> Result<()> {
        Ok(())
    }

    /// The condition itself, (batch, tokens, width). Learned anchors replace this.
    ///
    /// # Errors
    /// As [`Anchor::texts`], and when the text encoder fails.
    fn condition(
        &self,
        study: &Study<'_>,
        weights: &Weights,
        concepts: &[Concept],
        prompts: &[String],
    ) -> Result<Tensor<3>> {
        study.context(weights, &self.texts(concepts, prompts)?)
    }

    /// In how many steps only the anchor learns, beside `training` steps that move the weights.
    fn alone(&self, _training: u64) -> u64 {
        0
    }

    /// Whether step `step` is one of these; steps of the mask's survey are not counted.
    fn learns_alone(&self, _step: u64) -> bool {
        false
    }

    /// Learns from the batch of a step, before the losses look at the anchor.
    ///
    /// # Errors
    /// As [`Anchor::condition`].
    fn learn(&mut self, _from: &Learning<'_>) -> Result<()> {
        Ok(())
    }
}

impl<A: Anchor + Serialize + DeserializeOwned + 'static> Make<dyn Anchor> for A {
    fn boxed(self) -> Box<dyn Anchor> {
        Box::new(self)
    }
}

/// All anchors.
pub const ANCHORS: List<dyn Anchor> = List {
    what: "anchor",
    all: &[adversarial::ENTRY, nothing::ENTRY, prompt::ENTRY, replaced::ENTRY, superclass::ENTRY],
};
