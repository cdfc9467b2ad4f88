//! Which weights may move.

mod dynamic;
mod none;
mod null_space;
mod ranking;
mod saliency;
mod select;
mod selft;
mod trim;

pub use dynamic::{Dynamic, Momentum};
pub use none::None;
pub use null_space::NullSpace;
pub use saliency::Saliency;
pub use select::Select;
pub use selft::Selft;
pub use trim::Trim;

use std::collections::BTreeSet;

use oubliette_model::Weights;
use serde::{Serialize, de::DeserializeOwned};

use super::{At, Stateful, objective::Objective};
use crate::{List, Make, Result, Study, describe::Describe, lot::Lot};

/// Steps in which a mask only looks: the gradients of its own loss on the forget batches, while nothing moves.
pub struct Survey {
    /// How many.
    pub steps: u64,
    /// What gradients it wants to see.
    pub loss: Box<dyn Objective>,
}

/// Restricts what a training stage may change.
pub trait Mask: Stateful + Describe {
    /// The weights that may move at all; the others cost no gradient.
    ///
    /// # Errors
    /// When nothing of the model is selected.
    fn trainable(&self, all: &Weights) -> Result<BTreeSet<String>>;

    /// Refuses settings with which it could mask nothing sensibly, before a model is loaded.
    ///
    /// # Errors
    /// The first such setting.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Whether it chooses whole weights, never elements of them, so that an adapter can move in their place.
    fn is_of_layers(&self) -> bool {
        false
    }

    /// Gets to know the model and the weights that training starts from; also when a training is taken up again.
    ///
    /// # Errors
    /// When a text cannot be read.
    fn begin(&mut self, _study: &Study<'_>, _start: &Weights) -> Result<()> {
        Ok(())
    }

    /// What the mask wants to see before training; nothing for masks that need no look.
    fn survey(&self) -> Option<Survey> {
        None
    }

    /// Looks at the gradients of one step, before they are masked: of the survey's loss, then of the training.
    ///
    /// # Errors
    /// When the gradients are not those of the trainable weights.
    fn observe(&mut self, _at: At, _gradients: &Weights) -> Result<()> {
        Ok(())
    }

    /// Trainable weights that are set anew when the survey is over.
    ///
    /// # Errors
    /// When nothing of the model is selected.
    fn reset(&mut self, _weights: &Weights, _lot: Lot) -> Result<Weights> {
        Ok(Weights::new())
    }

    /// The part of a change that goes where weights are free to go; most masks leave all of it.
    fn free(&self, change: Weights) -> Weights {
        change
    }

    /// Whether the optimiser's step is held to that, too, and not only the gradient.
    fn holds_steps(&self) -> bool {
        false
    }

    /// 1 where a weight may move and 0 where it may not, for the weights that are masked element by element.
    fn movable(&self) -> Option<&Weights> {
        None
    }

    /// Whether a weight that may not move keeps the momentum that it had; then it goes on moving for a while.
    fn keeps_momentum(&self) -> bool {
        false
    }
}

impl<M: Mask + Serialize + DeserializeOwned + 'static> Make<dyn Mask> for M {
    fn boxed(self) -> Box<dyn Mask> {
        Box::new(self)
    }
}

/// All masks.
pub const MASKS: List<dyn Mask> = List {
    what: "mask",
    all: &[
        dynamic::ENTRY,
        none::ENTRY,
        null_space::ENTRY,
        saliency::ENTRY,
        select::ENTRY,
        selft::ENTRY,
        trim::ENTRY,
    ],
};
