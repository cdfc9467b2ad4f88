//! How forget and retain gradients become one step.

mod bilevel;
mod gem;
mod nash;
mod products;
mod restricted;
mod sum;

pub use bilevel::Bilevel;
pub use gem::Gem;
pub use nash::Nash;
pub use restricted::Restricted;
pub use sum::Sum;

use oubliette_model::Weights;
use serde::{Serialize, de::DeserializeOwned};

use super::{Sides, Stateful};
use crate::{List, Make, Result, describe::Describe};

/// Makes one gradient of several.
pub trait Combiner: Stateful + Describe {
    /// Whether it is about the two sides, so that one alone makes no sense.
    fn needs_both_sides(&self) -> bool {
        true
    }

    /// Whether it ever asks what would bring the concept back.
    fn needs_relearning(&self) -> bool {
        false
    }

    /// Whether it wants to know in this step what would bring the concept back.
    fn looks_back(&self, _step: u64) -> bool {
        false
    }

    /// Refuses settings with which no step makes sense, before anything is loaded.
    ///
    /// # Errors
    /// The first such setting.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The gradient that the optimiser is given.
    ///
    /// # Errors
    /// When the sides do not have the same weights.
    fn combine(&mut self, sides: Sides) -> Result<Weights>;
}

impl<C: Combiner + Serialize + DeserializeOwned + 'static> Make<dyn Combiner> for C {
    fn boxed(self) -> Box<dyn Combiner> {
        Box::new(self)
    }
}

/// All combiners.
pub const COMBINERS: List<dyn Combiner> = List {
    what: "combiner",
    all: &[bilevel::ENTRY, gem::ENTRY, nash::ENTRY, restricted::ENTRY, sum::ENTRY],
};
