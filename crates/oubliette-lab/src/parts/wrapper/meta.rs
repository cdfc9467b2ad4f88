//! Meta-unlearning: a step of relearning is imagined, and made to cost what is related.

use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{Oracle, Stateful, Update, Wrapper};
use crate::{
    Card, Entry, Result,
    lot::Lot,
    parts::{Gradients, Term},
};

pub(super) const ENTRY: Entry<dyn Wrapper> = Entry::of::<Meta>(Card {
    name: "meta",
    what: "Imagines one step of somebody who fine-tunes on the concept, and moves the weights so that this step would gain little and \
           would harm what is retained.",
    cost: "two training steps on the concept's pictures and one more on the retained ones, beside the step itself",
    source: "Meta-Unlearning on Diffusion Models (arXiv 2410.12777), L_meta; first order as in the released code",
    broken_by: "more than a hundred steps on harmful pictures (13 in 100 for nudity, arXiv 2410.12777)",
    differs: "one retain set stands for the released code's two; where the retain term is absent, only the gain is made small. The step is \
              imagined on one batch by plain descent, as the paper has it; the release trains with Adam on all of its pictures (`update = \
              \"adam\"`, on one batch). What is retained counts as much before the step as behind it; in the release a tenth (`before = 0.1`)",
    ..Card::BLANK
});

/// First-order meta-unlearning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Meta {
    /// How the imagined step moves.
    pub update: Update,
    /// Its learning rate (tau).
    pub rate: f64,
    /// Weight of making its gain small (gamma_2 for `hrm`).
    pub gain: f64,
    /// Weight of what it costs the retained (gamma_2 for `tgt`).
    pub harm: f64,
    /// How much of that counts where the weights are, beside 1 behind the step (gamma_1 over gamma_2 for `tgt`).
    pub before: f64,
}

impl Default for Meta {
    fn default() -> Self {
        Self { update: Update::Descent, rate: 1e-2, gain: 0.1, harm: 0.1, before: 1.0 }
    }
}

impl Stateful for Meta {}

impl Wrapper for Meta {
    fn needs_relearning(&self) -> bool {
        true
    }

    fn wrap<'a>(&'a self, below: Box<dyn Oracle + 'a>, _lot: Lot) -> Box<dyn Oracle + 'a> {
        Box::new(Imagined { settings: self, below })
    }
}

struct Imagined<'a> {
    settings: &'a Meta,
    below: Box<dyn Oracle + 'a>,
}

impl Oracle for Imagined<'_> {
    fn gradients(&mut self, weights: &Weights, term: Term) -> Result<Option<Gradients>> {
        let found = self.below.gradients(weights, term)?;
        let (Term::Forget, Some(mut found)) = (term, found.clone()) else { return Ok(found) };
        let Some(relearn) = self.below.gradients(weights, Term::Relearn)? else {
            return Ok(Some(found));
        };
        let there = self.settings.update.begin(self.settings.rate).step(weights, &relearn.by_name);
        if let Some(gain) = self.below.gradients(&there, Term::Relearn)? {
            found.by_name = found.by_name.plus(&gain.by_name, -self.settings.gain);
        }
        let kept = self.below.gradients(&there, Term::Retain)?;
        if let (Some(kept), Some(now)) = (kept, self.below.gradients(weights, Term::Retain)?) {
            // −ζ (L_r after − L_r before): what the imagined step harms, less what is there already.
            found.by_name = found.by_name.plus(&kept.by_name, -self.settings.harm);
            found.by_name =
                found.by_name.plus(&now.by_name, self.settings.harm * self.settings.before);
        }
        Ok(Some(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Device};
    use oubliette_model::Weight;

    /// Quadratic losses of one weight, so that every number can be worked out by hand.
    struct Quadratic;

    impl Oracle for Quadratic {
        fn gradients(&mut self, weights: &Weights, term: Term) -> Result<Option<Gradients>> {
            let x = weights.get("x").unwrap().to_f32_vec()[0];
            let slope = match term {
                Term::Forget => 1.0,
                Term::Relearn => 4.0 * x,
                Term::Retain => 3.0 * (x - 1.0),
            };
            Ok(Some(Gradients { loss: 0.0, by_name: at(slope) }))
        }
    }

    fn at(x: f32) -> Weights {
        let weight = Weight::from_f32(vec![x], &[1], &Device::flex(), DType::F32);
        [("x".to_owned(), weight)].into_iter().collect()
    }

    fn slope(meta: &Meta, term: Term) -> f32 {
        let mut oracle = meta.wrap(Box::new(Quadratic), Lot::new(0));
        let found = oracle.gradients(&at(2.0), term).unwrap().unwrap();
        found.by_name.get("x").unwrap().to_f32_vec()[0]
    }

    #[test]
    fn the_imagined_step_is_taken_into_account() {
        let meta = Meta { rate: 0.1, gain: 0.5, harm: 0.2, ..Meta::default() };
        let found = slope(&meta, Term::Forget);
        // At 2 the relearning slope is 8, so the imagined step ends at 1.2: its slope there is 4.8, the retain slope 0.6 after 3.
        let wanted = 1.0 - 0.5 * 4.8 - 0.2 * (0.6 - 3.0);
        assert!((found - wanted).abs() < 1e-5, "{found} is not {wanted}");
        assert_eq!(slope(&meta, Term::Retain), 3.0);
    }

    #[test]
    fn the_release_steps_with_adam_and_weighs_a_tenth_before() {
        let (update, before) = (Update::Adam, 0.1);
        let meta = Meta { update, rate: 0.1, gain: 0.5, harm: 0.2, before };
        // However steep it is, Adam's first step is as long as its rate: to 1.9, with slopes 7.6 and 2.7.
        let (found, wanted) =
            (slope(&meta, Term::Forget), 1.0 - 0.5 * 7.6 - 0.2 * (2.7 - 0.1 * 3.0));
        assert!((found - wanted).abs() < 1e-5, "{found} is not {wanted}");
    }
}
