//! ResAlign: the concept should stay forgotten after a benign update, whose end is differentiated through.

use oubliette_model::{Weights, train::global_norm};
use rand::seq::IndexedRandom as _;
use serde::{Deserialize, Serialize};

use super::{Oracle, Stateful, Update, Wrapper};
use crate::{
    Card, Entry, Error, Result,
    lot::Lot,
    parts::{Gradients, Term, imagined::Imagined},
};

pub(super) const ENTRY: Entry<dyn Wrapper> = Entry::of::<ResAlign>(Card {
    name: "resalign",
    what: "Imagines a whole update on the relearning source, of a length and a rate drawn anew each step, and moves the weights so that \
           the forget loss is small behind it, too.",
    cost: "as many training steps as the imagined update has, and two for each of `solves`, beside the step itself",
    source: "Towards Resilient Safety-driven Unlearning for Diffusion Models against Downstream Fine-tuning (arXiv 2507.16302), the \
             hypergradient through a Moreau envelope",
    broken_by: "2 to 7 in 100 after benign fine-tuning (arXiv 2507.16302, its own measure)",
    differs: "products with second derivatives are finite differences of gradients; the imagined update is of what this training \
              moves, on one batch, where the release draws a batch for every step of it, and also adapters and DreamBooth; by plain descent \
              alone unless `kinds` names Adam too, between which the release draws. At these rates plain descent hardly moves anything",
    ..Card::BLANK
});

/// How often the step of the iteration is halved where it would not converge.
const HALVINGS: u32 = 5;

/// Safety behind an update.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResAlign {
    /// How much of the forget loss counts behind the update, 0 to 1 (beta); the rest counts where the weights are.
    pub beta: f64,
    /// How the imagined update moves: what it is drawn from.
    pub kinds: Vec<Update>,
    /// Rates that it is drawn from.
    pub rates: Vec<f64>,
    /// Lengths that it is drawn from.
    pub steps: Vec<u64>,
    /// Width of the Moreau envelope.
    pub gamma: f64,
    /// Richardson iterations on the implicit equations (K).
    pub solves: u32,
    /// Length of a finite difference beside the norm of the trained weights.
    pub probe: f64,
}

impl Default for ResAlign {
    fn default() -> Self {
        Self {
            beta: 0.8,
            kinds: vec![Update::Descent],
            rates: vec![1e-4, 1e-5, 1e-6],
            steps: vec![5, 10, 20, 30],
            gamma: 1.0,
            solves: 5,
            probe: 1e-3,
        }
    }
}

impl Stateful for ResAlign {}

impl Wrapper for ResAlign {
    fn needs_relearning(&self) -> bool {
        true
    }

    fn copies(&self) -> u64 {
        // The gradient here and there, the weights there and a little beside them, what is solved for, and one slope of two; moments of Adam.
        6 + if self.kinds.contains(&Update::Adam) { 2 } else { 0 }
    }

    fn check(&self) -> Result<()> {
        let Self { beta, gamma, probe, rates, steps, kinds, .. } = self;
        let sized = *gamma >= 0.0 && gamma.is_finite() && *probe > 0.0 && probe.is_finite();
        let drawn = !(rates.is_empty() || steps.is_empty() || kinds.is_empty());
        if sized && drawn && (0.0..=1.0).contains(beta) {
            return Ok(());
        }
        Err(Error::Input {
            file: "the recipe, wrapper `resalign`".to_owned(),
            thing: format!(
                "beta {beta}, gamma {gamma}, probe {probe}, {} rates, {} lengths and {} kinds to draw from",
                rates.len(),
                steps.len(),
                kinds.len()
            ),
            remedy: "give at least one rate, length and kind, a beta between 0 and 1, a gamma of 0 or more and a probe above 0"
                .to_owned(),
        })
    }

    fn wrap<'a>(&'a self, below: Box<dyn Oracle + 'a>, lot: Lot) -> Box<dyn Oracle + 'a> {
        Box::new(Behind { settings: self, below, lot })
    }
}

struct Behind<'a> {
    settings: &'a ResAlign,
    below: Box<dyn Oracle + 'a>,
    lot: Lot,
}

impl Oracle for Behind<'_> {
    fn gradients(&mut self, weights: &Weights, term: Term) -> Result<Option<Gradients>> {
        let found = self.below.gradients(weights, term)?;
        let (Term::Forget, Some(now)) = (term, found.clone()) else { return Ok(found) };
        let (mut update, steps) = self.drawn();
        let mut there = weights.clone();
        for _ in 0..steps {
            let Some(slope) = self.below.gradients(&there, Term::Relearn)? else {
                return Ok(found);
            };
            there = update.step(&there, &slope.by_name);
        }
        let Some(behind) = self.below.gradients(&there, Term::Forget)? else { return Ok(found) };
        let through = self.solved(&there, &behind.by_name)?;
        let beta = self.settings.beta;
        let by_name = now.by_name.scaled(1.0 - beta).plus(&through, beta);
        Ok(Some(Gradients { loss: (1.0 - beta) * now.loss + beta * behind.loss, by_name }))
    }
}

impl Behind<'_> {
    /// An update before its first step, and how many it has.
    fn drawn(&self) -> (Imagined, u64) {
        let (mut rng, settings) = (self.lot.rng(), self.settings);
        let given = "`check` refuses empty lists";
        let rate = settings.rates.choose(&mut rng).expect(given);
        let steps = settings.steps.choose(&mut rng).expect(given);
        (settings.kinds.choose(&mut rng).expect(given).begin(*rate), *steps)
    }

    /// (I + γ H)⁻¹ b, H being the relearning loss's second derivative, by x ← (1 − s) x + s (b − γ H x) from nothing; s is halved
    /// until that converges.
    fn solved(&mut self, at: &Weights, b: &Weights) -> Result<Weights> {
        let mut s = 1.0;
        for _ in 0..=HALVINGS {
            if let Some(x) = self.iterated(at, b, s)? {
                return Ok(x);
            }
            s *= 0.5;
        }
        Ok(b.clone()) // as the release does: the direct gradient
    }

    /// The iteration with one step size; nothing where a step is longer than the one before it.
    fn iterated(&mut self, at: &Weights, b: &Weights, s: f64) -> Result<Option<Weights>> {
        let mut x = b.clone().scaled(s); // what the first iteration makes of nothing
        let mut long = global_norm(&x);
        for _ in 1..self.settings.solves {
            let bent = self.curved(at, &x)?;
            let wanted = b.plus(&bent, -self.settings.gamma);
            let moved = wanted.plus(&x, -1.0).scaled(s);
            if global_norm(&moved) >= long && long > 0.0 {
                return Ok(None);
            }
            long = global_norm(&moved);
            x = x.plus(&moved, 1.0);
        }
        Ok(Some(x))
    }

    /// H x, from the gradients a little before and a little behind `at` along x.
    fn curved(&mut self, at: &Weights, x: &Weights) -> Result<Weights> {
        let (long, own) =
            (global_norm(x), global_norm(&at.only(&x.names().map(str::to_owned).collect())));
        if long == 0.0 {
            return Ok(x.clone());
        }
        let h = self.settings.probe * own.max(1e-6) / long;
        let mut slope = |h: f64| self.below.gradients(&at.plus(x, h), Term::Relearn);
        let (Some(ahead), Some(before)) = (slope(h)?, slope(-h)?) else {
            return Ok(x.clone().scaled(0.0));
        };
        Ok(ahead.by_name.plus(&before.by_name, -1.0).scaled(0.5 / h))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Device};
    use oubliette_model::Weight;

    /// Losses x²/2 to forget and 2 x² to relearn, so that every number can be worked out by hand.
    struct Quadratic;

    impl Oracle for Quadratic {
        fn gradients(&mut self, weights: &Weights, term: Term) -> Result<Option<Gradients>> {
            let x = weights.get("x").unwrap().to_f32_vec()[0];
            let (slope, loss) = match term {
                Term::Relearn => (4.0 * x, 2.0 * x * x),
                _ => (x, 0.5 * x * x),
            };
            Ok(Some(Gradients { loss: loss.into(), by_name: at(slope) }))
        }
    }

    fn at(x: f32) -> Weights {
        let weight = Weight::from_f32(vec![x], &[1], &Device::flex(), DType::F32);
        [("x".to_owned(), weight)].into_iter().collect()
    }

    fn slope(wrapper: &ResAlign) -> f32 {
        let mut oracle = wrapper.wrap(Box::new(Quadratic), Lot::new(3));
        let found = oracle.gradients(&at(2.0), Term::Forget).unwrap().unwrap();
        found.by_name.get("x").unwrap().to_f32_vec()[0]
    }

    #[test]
    fn the_end_of_the_update_is_differentiated_through() {
        // Two steps of 0.1 lead from 2 to 0.72; 1 / (1 + 0.05 · 4) of that slope comes through.
        let wrapper = ResAlign {
            beta: 0.5,
            rates: vec![0.1],
            steps: vec![2],
            gamma: 0.05,
            solves: 30,
            ..ResAlign::default()
        };
        let wanted = 0.5 * 2.0 + 0.5 * 0.72 / 1.2;
        assert!((slope(&wrapper) - wanted).abs() < 1e-3, "{} is not {wanted}", slope(&wrapper));
    }

    #[test]
    fn adam_leads_as_far_as_its_rate_whatever_the_slope() {
        // Two steps of 0.1 lead from 2 to 1.8, where plain descent came to 0.72.
        let wrapper = ResAlign {
            beta: 1.0,
            kinds: vec![Update::Adam],
            rates: vec![0.1],
            steps: vec![2],
            gamma: 0.0,
            ..ResAlign::default()
        };
        assert!((slope(&wrapper) - 1.8).abs() < 1e-2, "{}", slope(&wrapper));
    }

    #[test]
    fn an_envelope_too_wide_is_solved_in_smaller_steps() {
        // With γ H = 8 whole steps diverge; eighths of them converge to 2 / 9.
        let wide = ResAlign {
            beta: 1.0,
            rates: vec![0.0],
            steps: vec![1],
            gamma: 2.0,
            solves: 40,
            ..ResAlign::default()
        };
        let found = slope(&wide);
        assert!((found - 2.0 / 9.0).abs() < 1e-2, "{found}");
    }
}
