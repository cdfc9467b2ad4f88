//! How a subject is made to forget: each method is a preset of parts, and imports no attack.

mod advanchor;
mod advunlearn;
mod ca;
mod dp;
mod erasediff;
mod esd;
mod fmn;
mod mace;
mod meta;
mod negative;
mod rece;
mod receler;
mod resalign;
mod rg;
mod sa;
mod salun;
mod scissorhands;
mod sculpting;
mod sdd;
mod sepme;
mod shown;
mod sld;
mod speed;
mod spm;
mod uce;

pub use advanchor::AdvAnchor;
pub use advunlearn::AdvUnlearn;
pub use ca::Ca;
pub use dp::{Dp, double_projection};
pub use erasediff::EraseDiff;
pub use esd::{Esd, Release, Variant};
pub use fmn::Fmn;
pub use mace::Mace;
pub use meta::Meta;
pub use negative::NegativePrompt;
pub use rece::{Rece, revive};
pub use receler::Receler;
pub use resalign::ResAlign;
pub use rg::{Rg, Words};
pub use sa::Sa;
pub use salun::Salun;
pub use scissorhands::Scissorhands;
pub use sculpting::Sculpting;
pub use sdd::Sdd;
pub use sepme::SepMe;
pub use sld::{Sld, Strength};
pub use speed::{Retained, Speed, centres, null_space_form};
pub use spm::Spm;
pub use uce::{Technique, Uce, closed_form};

pub use crate::editing::{Change, Matrices, Pair, Tokens, Wanted, changed, merged, refit, times};

use std::collections::BTreeSet;

use oubliette_evidence::Concept;
use oubliette_model::{Select, Weights, attached::Attached, sample::Guidance};
use serde::{Serialize, de::DeserializeOwned};

use crate::{List, Make, Result, Study, describe::Describe, lot::Lot, training::Train};

/// One resumable piece of a method.
pub enum Stage {
    /// Gradient descent.
    Train(Box<Train>),
    /// Gradient descent of an adapter, which is kept for a stage that fuses adapters.
    Adapt(Box<Adapt>),
    /// Adapters worked into the weights.
    Fuse(Box<dyn Fuse>),
    /// A change in closed form.
    Edit(Box<dyn Edit>),
    /// Weights beside the denoiser's own, which the model's folder carries; those do not change.
    Attach(Box<dyn Attach>),
    /// A sampling policy that the model's folder carries; no weight changes.
    Guide(Guidance),
}

/// Puts fresh weights beside the denoiser's own, for training stages that come after it.
pub trait Attach: Describe {
    /// What is attached then, where `already` is before; nothing where the two cannot be together.
    fn onto(&self, already: Option<&Attached>) -> Option<Attached>;

    /// The fresh weights, which change nothing yet.
    fn fresh(&self, base: &Weights, lot: Lot) -> Weights;
}

/// Changes weights without gradients, computed in double precision.
pub trait Edit: Describe {
    /// The weights that change, with their new values; what is drawn for them comes from `lot`.
    ///
    /// # Errors
    /// When a concept lacks what the edit needs, or the system has no unique solution.
    fn edit(
        &self,
        study: &Study<'_>,
        concepts: &[Concept],
        weights: &Weights,
        lot: Lot,
    ) -> Result<Weights>;
}

impl Stage {
    /// Whether what it makes stands beside the model's weights.
    pub fn is_beside_the_weights(&self) -> bool {
        matches!(self, Self::Attach(_) | Self::Guide(_))
    }

    /// Its training, where it has one.
    pub fn training(&self) -> Option<&Train> {
        match self {
            Self::Train(train) => Some(train),
            Self::Adapt(adapt) => Some(&adapt.train),
            _ => None,
        }
    }
}

/// The training of an adapter.
pub struct Adapt {
    /// What is descended.
    pub train: Train,
    /// Patterns of the weights that it adapts.
    pub weights: Vec<String>,
    /// Its rank.
    pub rank: usize,
}

impl Adapt {
    /// The weights that it adapts.
    ///
    /// # Errors
    /// When a pattern matches none, or is none.
    pub fn adapted(&self, weights: &Weights) -> Result<BTreeSet<String>> {
        let select = Select { include: self.weights.clone(), exclude: Vec::new() };
        Ok(select.names(weights)?)
    }
}

/// Makes one model of several adapters, in double precision.
pub trait Fuse: Describe {
    /// The weights that change, with their new values; `adapted` are the weights that each adapter changes, with its change.
    ///
    /// # Errors
    /// When the system has no unique solution.
    fn fuse(
        &self,
        study: &Study<'_>,
        concepts: &[Concept],
        weights: &Weights,
        adapted: &[Weights],
    ) -> Result<Weights>;
}

/// A way of making a model forget.
pub trait Method {
    /// What is to be done, in order.
    ///
    /// # Errors
    /// When the concepts lack what the method needs.
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>>;

    /// At most `count` texts such as it trains on, made of what it leaves for tests, with `{name}` where a name belongs; none where it
    /// leaves nothing.
    ///
    /// # Errors
    /// When its settings make no such texts.
    fn held_back_scenes(&self, _count: usize) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

impl<M: Method + Serialize + DeserializeOwned + 'static> Make<dyn Method> for M {
    fn boxed(self) -> Box<dyn Method> {
        Box::new(self)
    }
}

/// All methods.
pub const METHODS: List<dyn Method> = List {
    what: "method",
    all: &[
        advanchor::ENTRY,
        advunlearn::ENTRY,
        ca::ENTRY,
        dp::ENTRY,
        erasediff::ENTRY,
        esd::ENTRY,
        fmn::ENTRY,
        mace::ENTRY,
        meta::ENTRY,
        negative::ENTRY,
        rece::ENTRY,
        receler::ENTRY,
        resalign::ENTRY,
        rg::ENTRY,
        sa::ENTRY,
        salun::ENTRY,
        scissorhands::ENTRY,
        sculpting::ENTRY,
        sdd::ENTRY,
        sepme::ENTRY,
        sld::ENTRY,
        speed::ENTRY,
        spm::ENTRY,
        uce::ENTRY,
    ],
};
