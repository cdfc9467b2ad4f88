//! Which weights may move.

mod none;
mod select;

pub use none::None;
pub use select::Select;

use std::collections::BTreeSet;

use oubliette_model::Weights;
use serde::{Serialize, de::DeserializeOwned};

use super::Stateful;
use crate::{List, Make, Result, describe::Describe};

/// Restricts what a training stage may change.
pub trait Mask: Stateful + Describe {
    /// The weights that may move at all; the others cost no gradient.
    ///
    /// # Errors
    /// When nothing of the model is selected.
    fn trainable(&self, all: &Weights) -> Result<BTreeSet<String>>;

    /// Looks at the gradients of one step before they are masked.
    ///
    /// # Errors
    /// When the gradients are not those of the trainable weights.
    fn observe(&mut self, _step: u64, _gradients: &Weights) -> Result<()> {
        Ok(())
    }

    /// Takes away, element by element, what may not move: from gradients, updates and moments alike.
    ///
    /// # Errors
    /// As [`Mask::observe`].
    fn apply(&self, values: Weights) -> Result<Weights> {
        Ok(values)
    }
}

impl<M: Mask + Serialize + DeserializeOwned + 'static> Make<dyn Mask> for M {
    fn boxed(self) -> Box<dyn Mask> {
        Box::new(self)
    }
}

/// All masks.
pub const MASKS: List<dyn Mask> = List { what: "mask", all: &[none::ENTRY, select::ENTRY] };
