//! What is done to resist return: anything that turns one way of finding gradients into another.

mod meta;
mod none;
mod resalign;

pub use super::imagined::Update;
pub use meta::Meta;
pub use none::None;
pub use resalign::ResAlign;

use oubliette_model::Weights;
use serde::{Serialize, de::DeserializeOwned};

use super::{Gradients, Stateful, Term};
use crate::{List, Make, Result, describe::Describe, lot::Lot};

/// Finds gradients at any weights, not only at the current ones.
///
/// Bilevel, sharpness-aware, look-ahead and displaced-weight methods all ask the oracle below them
/// at other weights, so they need nothing else.
pub trait Oracle {
    /// Loss and gradients of `term` at `weights`; nothing when the method has no such term.
    ///
    /// # Errors
    /// When the model fails.
    fn gradients(&mut self, weights: &Weights, term: Term) -> Result<Option<Gradients>>;
}

/// Puts one oracle in front of another.
pub trait Wrapper: Stateful + Describe {
    /// Whether it asks what would bring the concept back.
    fn needs_relearning(&self) -> bool {
        false
    }

    /// How many numbers it holds at once for every one that is trained: gradients, and weights that are elsewhere.
    fn copies(&self) -> u64 {
        2
    }

    /// Refuses settings with which it could ask nothing, before a model is loaded.
    ///
    /// # Errors
    /// The first such setting.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The oracle that answers in one step; what is drawn for it comes from `lot`.
    fn wrap<'a>(&'a self, below: Box<dyn Oracle + 'a>, lot: Lot) -> Box<dyn Oracle + 'a>;
}

impl<W: Wrapper + Serialize + DeserializeOwned + 'static> Make<dyn Wrapper> for W {
    fn boxed(self) -> Box<dyn Wrapper> {
        Box::new(self)
    }
}

/// All wrappers.
pub const WRAPPERS: List<dyn Wrapper> =
    List { what: "wrapper", all: &[meta::ENTRY, none::ENTRY, resalign::ENTRY] };
