//! The parts of forgetting: every gradient method is a choice of an anchor, objectives, a combiner, a mask, wrappers and a source.
//!
//! A part knows nothing of the method that uses it. Each kind of part is a trait with a list, one file a part.

pub mod anchor;
pub mod combiner;
mod imagined;
pub mod mask;
pub mod mix;
pub mod objective;
pub mod source;
pub mod wrapper;

use oubliette_model::Weights;

use crate::Result;

/// State that must survive an interruption for the resumed training to be bit for bit the same.
///
/// Most parts have none: what they draw follows from the plan's seed and the step.
pub trait Stateful {
    /// What to put into the checkpoint, by name.
    fn state(&self) -> Weights {
        Weights::default()
    }

    /// Takes up what [`Stateful::state`] gave.
    ///
    /// # Errors
    /// When the state is not one that this part wrote.
    fn restore(&mut self, _state: &Weights) -> Result<()> {
        Ok(())
    }
}

/// Where a training stage stands. Steps in which only the anchor learns are not counted: no other part takes part in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// Steps before this one.
    pub step: u64,
    /// Steps at the beginning in which parts only look.
    pub begins: u64,
    /// All steps of the stage, with those in which parts only look.
    pub steps: u64,
}

/// The side of the loss that a gradient belongs to; a combiner needs to tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Term {
    /// What pushes the concept out.
    Forget,
    /// What holds everything else in place.
    Retain,
    /// What would bring the concept back: what somebody who relearns it descends.
    Relearn,
}

/// A loss and its gradients by weight name.
#[derive(Clone)]
pub struct Gradients {
    /// The value of the loss.
    pub loss: f64,
    /// One gradient for every trainable weight, of that weight's shape.
    pub by_name: Weights,
}

/// Gradients of one step, side by side, before they become one update.
pub struct Sides {
    /// Of the forget term, where the method has one.
    pub forget: Option<Weights>,
    /// Of the retain term, where the method has one.
    pub retain: Option<Weights>,
    /// Of the relearning term, in the steps in which the combiner looks back.
    pub relearn: Option<Weights>,
}
