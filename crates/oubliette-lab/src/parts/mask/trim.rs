//! Trimming: the weights through which the concept flows most are set anew before training.

use std::collections::BTreeSet;

use oubliette_model::{Weight, Weights};
use rand_distr::{Distribution as _, Normal};
use serde::{Deserialize, Serialize};

use super::{
    At, Mask, Select, Stateful, Survey,
    ranking::{self, Ranking},
};
use crate::{
    Card, Entry, Error, Result,
    lot::Lot,
    parts::objective::{GuidedMse, NoiseMse, Objective},
};

pub(super) const ENTRY: Entry<dyn Mask> = Entry::of::<Trim>(Card {
    name: "trim",
    what: "Sums the sizes of the gradients of a loss on the concept's pictures before training; where the sum times the weight is among \
           the largest, the weight is drawn anew. Then all of `include` may move.",
    changes: "what `include` matches; what `reset` matches can be set anew",
    cost: "`survey` training steps before the first one that moves anything; one number a weight",
    source: "Scissorhands: Scrub Data Influence via Connection Sensitivity in Networks (arXiv 2401.06187), trimming; released code",
    broken_by: "fine-tuning on unrelated pictures, in Scissorhands (our own study of methods, on a miniature)",
    differs: "the part of the network that is reset differs between versions of the released code: cross-attention here",
    ..Card::BLANK
});

/// The largest products of weight and summed gradient are drawn anew.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trim {
    /// Named sets, globs, or regular expressions after `re:`, of the weights that are ranked, and that train afterwards.
    pub include: Vec<String>,
    /// Those of them that can be set anew.
    pub reset: Vec<String>,
    /// The share of all that are ranked that counts as most sensitive, above 0 and at most 1.
    pub share: f64,
    /// Batches that are looked at.
    pub survey: u64,
    /// Guidance of the loss whose gradients count; 0: the plain diffusion loss.
    pub guidance: f64,
    /// Standard deviation of the new values; biases become 0.
    pub deviation: f64,
    #[serde(skip)]
    ranking: Ranking,
}

impl Default for Trim {
    fn default() -> Self {
        Self {
            include: vec!["unet".to_owned()],
            reset: vec!["attn2".to_owned()],
            share: 0.005,
            survey: 10,
            guidance: 0.0,
            deviation: 0.02,
            ranking: Ranking::default(),
        }
    }
}

impl Stateful for Trim {
    fn state(&self) -> Weights {
        self.ranking.state()
    }

    fn restore(&mut self, state: &Weights) -> Result<()> {
        self.ranking.restore(state)
    }
}

impl Mask for Trim {
    fn check(&self) -> Result<()> {
        let shares = self.share > 0.0 && self.share <= 1.0;
        if !shares || self.survey == 0 || !(self.deviation >= 0.0 && self.deviation.is_finite()) {
            let Self { share, survey, deviation, .. } = self;
            return Err(Error::Input {
                file: "the recipe, mask `trim`".to_owned(),
                thing: format!("share {share} after {survey} batches, deviation {deviation}"),
                remedy: "choose a share above 0 and at most 1, at least one batch, and a deviation of 0 or more".to_owned(),
            });
        }
        Ok(())
    }

    fn trainable(&self, all: &Weights) -> Result<BTreeSet<String>> {
        let select = |include: &Vec<String>| {
            Select { include: include.clone(), exclude: Vec::new() }.trainable(all)
        };
        let (ranked, reset) = (select(&self.include)?, select(&self.reset)?);
        if ranked.is_disjoint(&reset) {
            return Err(Error::Input {
                file: "the recipe, mask `trim`".to_owned(),
                thing: "nothing that is ranked can be set anew".to_owned(),
                remedy: "choose `reset` among the weights that train".to_owned(),
            });
        }
        Ok(ranked)
    }

    fn survey(&self) -> Option<Survey> {
        let loss: Box<dyn Objective> = match self.guidance {
            0.0 => Box::new(NoiseMse {}),
            guidance => Box::new(GuidedMse { guidance }),
        };
        Some(Survey { steps: self.survey, loss })
    }

    fn observe(&mut self, at: At, gradients: &Weights) -> Result<()> {
        if at.step < self.survey {
            self.ranking.add_sizes(gradients);
        }
        Ok(())
    }

    fn reset(&mut self, weights: &Weights, lot: Lot) -> Result<Weights> {
        // Nothing asks for the sums after this.
        let scores = std::mem::take(&mut self.ranking.sums).times(weights);
        let least = ranking::kth_largest(scores.iter().map(|(_, score)| score), self.share);
        let select = Select { include: self.reset.clone(), exclude: Vec::new() };
        let anew = |name: String| {
            let (old, score) = (weights.get(&name)?, scores.get(&name)?);
            let drawn = self.drawn(&name, old, &lot);
            let gone = ranking::at_least(score, least).to(&old.device(), old.dtype());
            let stays = (gone.flat() * -1.0) + 1.0;
            let new = old.flat() * stays + drawn.flat() * gone.flat();
            Some((name, Weight::from_flat(new, old.shape())))
        };
        Ok(select.trainable(&scores)?.into_iter().filter_map(anew).collect())
    }
}

impl Trim {
    /// New values in the shape of old ones.
    fn drawn(&self, name: &str, old: &Weight, lot: &Lot) -> Weight {
        let deviation = if name.ends_with(".bias") { 0.0 } else { self.deviation };
        let normal = Normal::new(0.0, deviation).expect("`trainable` refuses other deviations");
        let mut rng = lot.child(name).rng();
        let values = (0..old.len()).map(|_| normal.sample(&mut rng) as f32).collect();
        Weight::from_f32(values, old.shape(), &old.device(), old.dtype())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Device};

    fn weights(values: [f32; 4]) -> Weights {
        let one =
            |values: &[f32]| Weight::from_f32(values.to_vec(), &[2], &Device::flex(), DType::F32);
        let name = |place: &str| format!("unet/{place}.attn2.to_k.weight");
        [(name("a"), one(&values[..2])), (name("b"), one(&values[2..]))].into_iter().collect()
    }

    #[test]
    fn what_flows_most_is_drawn_anew_and_nothing_else_changes() {
        let mut trim = Trim { share: 0.5, survey: 2, ..Trim::default() };
        let at = |step| At { step, begins: 2, steps: 5 };
        // Signs do not cancel: the sums are 2, 0.2, 0.2, 2, and times the weights 2, 2, 0.02, 0.02.
        trim.observe(at(0), &weights([1.0, 0.1, 0.1, 1.0])).unwrap();
        trim.observe(at(1), &weights([-1.0, 0.1, -0.1, 1.0])).unwrap();
        trim.observe(at(2), &weights([0.0, 0.0, 900.0, 900.0])).unwrap();
        let before = weights([1.0, 10.0, 0.1, 0.01]);
        let mut twin = trim.clone();
        let after = trim.reset(&before, Lot::new(1)).unwrap();
        let values: Vec<f32> = after.iter().flat_map(|(_, one)| one.to_f32_vec()).collect();
        assert!(values[0].abs() < 0.2 && values[1].abs() < 0.2, "{values:?}");
        assert_eq!(values[2..], [0.1, 0.01]);
        let again = twin.reset(&before, Lot::new(1)).unwrap();
        assert_eq!(again.iter().flat_map(|(_, one)| one.to_f32_vec()).collect::<Vec<_>>(), values);
    }
}
