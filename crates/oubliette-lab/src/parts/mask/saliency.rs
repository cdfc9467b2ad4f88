//! Weight saliency: only the weights that the concept's pictures ask to move may move.

use std::collections::BTreeSet;

use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{
    Mask, Select, Stateful, Survey,
    ranking::{self, Ranking},
};
use crate::{
    Card, Entry, Result,
    parts::{At, objective::GuidedMse},
};

pub(super) const ENTRY: Entry<dyn Mask> = Entry::of::<Saliency>(Card {
    name: "saliency",
    what: "Sums the gradients of the guided diffusion loss over forget batches before training; the share of weights with the largest sums may move.",
    changes: "the share of the weights that `include` names",
    cost: "`survey` training steps before the first one that moves anything; one number a weight",
    source: "SalUn: Empowering Machine Unlearning via Gradient-based Weight Saliency (arXiv 2310.12508), the saliency map; released code",
    broken_by: "a concept whose weights are everybody's weights",
    differs: "the largest sums are chosen over all weights together, as in the release; gradients are clipped after the mask, not before",
    ..Card::BLANK
});

/// The largest sums over a whole pass may move.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Saliency {
    /// Named sets, globs, or regular expressions after `re:`, of the weights that are ranked.
    pub include: Vec<String>,
    /// The share of them that may move, above 0 and at most 1.
    pub share: f64,
    /// Batches that are looked at.
    pub survey: u64,
    /// Guidance of the loss whose gradients count.
    pub guidance: f64,
    #[serde(skip)]
    ranking: Ranking,
}

impl Default for Saliency {
    fn default() -> Self {
        Self {
            include: vec!["unet".to_owned()],
            share: 0.5,
            survey: 100,
            guidance: 7.5,
            ranking: Ranking::default(),
        }
    }
}

impl Stateful for Saliency {
    fn state(&self) -> Weights {
        self.ranking.state()
    }

    fn restore(&mut self, state: &Weights) -> Result<()> {
        self.ranking.restore(state)
    }
}

impl Mask for Saliency {
    fn check(&self) -> Result<()> {
        ranking::check("saliency", self.share, self.survey)
    }

    fn trainable(&self, all: &Weights) -> Result<BTreeSet<String>> {
        Select { include: self.include.clone(), exclude: Vec::new() }.trainable(all)
    }

    fn survey(&self) -> Option<Survey> {
        let loss = Box::new(GuidedMse { guidance: self.guidance });
        Some(Survey { steps: self.survey, loss })
    }

    fn observe(&mut self, at: At, gradients: &Weights) -> Result<()> {
        self.ranking.survey(gradients, at.step + 1 >= self.survey, self.share, |sums| sums);
        Ok(())
    }

    fn movable(&self) -> Option<&Weights> {
        Some(&self.ranking.movable)
    }
}
