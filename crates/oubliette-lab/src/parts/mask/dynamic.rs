//! The dynamic mask: which weights may move is drawn anew during training, from what their gradients agree on.

use std::{collections::BTreeSet, f64::consts::PI};

use burn::tensor::DType;
use oubliette_model::{Weight, Weights};
use serde::{Deserialize, Serialize};

use super::{
    Mask, Select, Stateful, Survey,
    ranking::{self, Ranking},
};
use crate::{
    Card, Entry, Error, Result,
    parts::{At, objective::NoiseMse},
};

pub(super) const ENTRY: Entry<dyn Mask> = Entry::of::<Dynamic>(Card {
    name: "dynamic",
    what: "Of every weight the elements with the largest running sums of signed gradients may move; now and then the least of them are \
           exchanged for the largest of the others, fewer and fewer, and not at all in the last part.",
    changes: "`share` of each weight that `masked` names, and all of the others that `include` names",
    cost: "`warm_up` training steps before the first one that moves anything; two numbers a weight",
    source: "Sculpting Memory (arXiv 2504.09039), dynamic mask; released code",
    broken_by: "fine-tuning on unrelated pictures, in Sculpting Memory (our own study of methods, on a miniature)",
    differs: "the turnover falls with the step, where the release counts epochs; a weight that may not move loses its momentum \
              (`momentum = \"kept\"` as in the release: it goes on moving for a while)",
    ..Card::BLANK
});

/// What becomes of the momentum of a weight that may no longer move.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Momentum {
    /// It is taken away: the weight stays where it is.
    #[default]
    Cleared,
    /// It is kept, as in the release.
    Kept,
}

/// Drop and grow on gradients: weights are frozen, never zeroed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dynamic {
    /// Patterns of the weights that are trained.
    pub include: Vec<String>,
    /// Patterns of those among them that are masked.
    pub masked: Vec<String>,
    /// The share of every masked weight that may move.
    pub share: f64,
    /// Steps that only look, before training.
    pub warm_up: u64,
    /// Steps between two exchanges, counted with the warm-up.
    pub interval: u64,
    /// The share of the movable elements that is exchanged at first; it falls as half a cosine.
    pub turnover: f64,
    /// The part of all steps after which nothing is exchanged.
    pub until: f64,
    /// What becomes of momentum.
    pub momentum: Momentum,
    #[serde(skip)]
    ranking: Ranking,
}

impl Default for Dynamic {
    fn default() -> Self {
        let projections = r"re:attn2\.to_(q|k|v|out\.0)\.weight$";
        Self {
            include: vec!["attn2".to_owned()],
            masked: vec![projections.to_owned()],
            share: 0.5,
            warm_up: 50,
            interval: 100,
            turnover: 0.2,
            until: 0.8,
            momentum: Momentum::Cleared,
            ranking: Ranking::default(),
        }
    }
}

impl Stateful for Dynamic {
    fn state(&self) -> Weights {
        self.ranking.state()
    }

    fn restore(&mut self, state: &Weights) -> Result<()> {
        self.ranking.restore(state)
    }
}

impl Mask for Dynamic {
    fn check(&self) -> Result<()> {
        let part = |x: f64| x > 0.0 && x <= 1.0;
        let fine = part(self.share) && (0.0..=1.0).contains(&self.turnover);
        if fine && (0.0..=1.0).contains(&self.until) && self.warm_up > 0 && self.interval > 0 {
            return Ok(());
        }
        Err(Error::Input {
            file: "the recipe, mask `dynamic`".to_owned(),
            thing: format!(
                "share {}, turnover {}, until {}, warm_up {}, interval {}",
                self.share, self.turnover, self.until, self.warm_up, self.interval
            ),
            remedy: "shares lie between 0 and 1, and both numbers of steps are at least 1"
                .to_owned(),
        })
    }

    fn trainable(&self, all: &Weights) -> Result<BTreeSet<String>> {
        Select { include: self.include.clone(), exclude: Vec::new() }.trainable(all)
    }

    fn survey(&self) -> Option<Survey> {
        Some(Survey { steps: self.warm_up, loss: Box::new(NoiseMse {}) })
    }

    fn observe(&mut self, at: At, gradients: &Weights) -> Result<()> {
        let select = Select { include: self.masked.clone(), exclude: Vec::new() };
        self.ranking.add(&gradients.only(&select.trainable(gradients)?));
        let done = at.step + 1;
        if done == self.warm_up {
            self.ranking.movable = self.ranking.sums.map(|_, sum| first(sum, self.share));
        } else if done > self.warm_up && done.is_multiple_of(self.interval) && self.exchanges(at) {
            let turnover = self.turnover_at(at);
            let sums = std::mem::take(&mut self.ranking.sums);
            self.ranking.movable = self.ranking.movable.map(|name, mask| match sums.get(name) {
                Some(sum) => exchanged(mask, sum, turnover),
                None => mask.clone(),
            });
        } else {
            return Ok(());
        }
        self.ranking.sums = Weights::new();
        Ok(())
    }

    fn movable(&self) -> Option<&Weights> {
        Some(&self.ranking.movable)
    }

    fn keeps_momentum(&self) -> bool {
        self.momentum == Momentum::Kept
    }
}

impl Dynamic {
    fn exchanges(&self, at: At) -> bool {
        ((at.step + 1) as f64) < self.until * at.steps as f64
    }

    /// turnover · (1 + cos(π · done)) / 2
    fn turnover_at(&self, at: At) -> f64 {
        let done = (at.step + 1) as f64 / at.steps.max(1) as f64;
        self.turnover * 0.5 * (1.0 + (PI * done).cos())
    }
}

/// 1 for the `share` largest sums.
fn first(sum: &Weight, share: f64) -> Weight {
    let least = ranking::kth_largest(std::iter::once(sum), share);
    ranking::at_least(sum, least)
}

/// The least movable elements against the largest of the others.
fn exchanged(mask: &Weight, sum: &Weight, turnover: f64) -> Weight {
    let sizes: Vec<f32> = sum.to_f32_vec().into_iter().map(f32::abs).collect();
    let mut values = mask.to_f32_vec();
    let (on, off): (Vec<usize>, Vec<usize>) = (0..values.len()).partition(|&at| values[at] > 0.5);
    let n = ranking::count(on.len(), turnover).min(off.len());
    let (on, off) = (ranking::by_size(&sizes, on), ranking::by_size(&sizes, off));
    on.iter().rev().take(n).for_each(|&at| values[at] = 0.0);
    off.iter().take(n).for_each(|&at| values[at] = 1.0);
    Weight::from_f32(values, mask.shape(), &mask.device(), DType::F32)
}
