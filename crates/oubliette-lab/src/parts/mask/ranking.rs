//! Running sums of signed gradients, what may move by them, and which of them are largest.

use burn::tensor::DType;
use oubliette_model::{Weight, Weights};

use super::Stateful;
use crate::{Error, Result};

/// What a mask that looks at gradients keeps between steps.
#[derive(Debug, Clone, Default)]
pub(super) struct Ranking {
    /// Sums of signed gradients: what changes its sign from step to step cancels.
    pub(super) sums: Weights,
    /// 1 where a weight may move, 0 where it may not.
    pub(super) movable: Weights,
}

impl Ranking {
    /// Takes in the gradients of a step of the survey; at its end the `share` largest of what `score` makes of their sums may move.
    pub(super) fn survey(
        &mut self,
        gradients: &Weights,
        is_last: bool,
        share: f64,
        score: impl FnOnce(Weights) -> Weights,
    ) {
        if !self.movable.is_empty() {
            return;
        }
        self.add(gradients);
        if is_last {
            let scores = score(std::mem::take(&mut self.sums));
            let least = kth_largest(scores.iter().map(|(_, score)| score), share);
            self.movable = scores.map(|_, score| at_least(score, least));
        }
    }

    /// Adds the sizes of the gradients of a step, so that nothing cancels.
    pub(super) fn add_sizes(&mut self, gradients: &Weights) {
        self.add(&gradients.map(|_, one| Weight::from_flat(one.flat().abs(), one.shape())));
    }

    /// Adds the gradients of a step, in f32 whatever they are held in.
    pub(super) fn add(&mut self, gradients: &Weights) {
        let gradients = gradients.map(|_, one| one.to(&one.device(), DType::F32));
        self.sums = std::mem::take(&mut self.sums).joined(gradients);
    }
}

/// Refuses a choice of nothing, for the mask `name`.
///
/// # Errors
/// When the share is none, or no batch is looked at.
pub(super) fn check(name: &str, share: f64, survey: u64) -> Result<()> {
    if share > 0.0 && share <= 1.0 && survey > 0 {
        return Ok(());
    }
    Err(Error::Input {
        file: format!("the recipe, mask `{name}`"),
        thing: format!("share {share} after {survey} batches"),
        remedy: "choose a share above 0 and at most 1, and at least one batch".to_owned(),
    })
}

impl Stateful for Ranking {
    fn state(&self) -> Weights {
        self.sums.under("sums").overlaid(&self.movable.under("movable"))
    }

    fn restore(&mut self, state: &Weights) -> Result<()> {
        *self = Self { sums: state.within("sums"), movable: state.within("movable") };
        Ok(())
    }
}

/// 1 for the sums of at least this size.
pub(super) fn at_least(sum: &Weight, least: f32) -> Weight {
    Weight::from_flat(sum.flat().abs().greater_equal_elem(least).float(), sum.shape())
}

/// How many of `all` are `share` of them; at least one.
pub(super) fn count(all: usize, share: f64) -> usize {
    ((share * all as f64).floor() as usize).clamp(1, all.max(1))
}

/// The smallest size among the `share` largest of all values together.
pub(super) fn kth_largest<'a>(all: impl Iterator<Item = &'a Weight>, share: f64) -> f32 {
    let mut sizes: Vec<f32> = all.flat_map(Weight::to_f32_vec).map(f32::abs).collect();
    let k = count(sizes.len(), share);
    let (_, kth, _) = sizes.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
    *kth
}

/// The places of `among`, those with the largest sizes first; equal ones in order.
pub(super) fn by_size(sizes: &[f32], mut among: Vec<usize>) -> Vec<usize> {
    among.sort_by(|&a, &b| sizes[b].total_cmp(&sizes[a]).then(a.cmp(&b)));
    among
}
