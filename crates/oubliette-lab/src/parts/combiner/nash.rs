//! Nash bargaining: the two sides agree on the step that neither would leave, whatever the size of their gradients.

use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{Combiner, Sides, Stateful, Sum, products::Products};
use crate::{Card, Entry, Result};

pub(super) const ENTRY: Entry<dyn Combiner> = Entry::of::<Nash>(Card {
    name: "nash",
    what: "Weighs either gradient by the inverse of its norm and by the angle between them, so that neither side's size decides.",
    cost: "three scalar products over the trained weights a step",
    source: "MUNBa: Machine Unlearning via Nash Bargaining (arXiv 2411.15537), its closed form, known to us at second hand",
    broken_by: "not measured by its authors against later fine-tuning",
    differs: "gradients that point exactly against each other leave no agreement: then the step is nothing, where the authors \
              disturb the smaller one; parallel ones count half each",
    ..Card::BLANK
});

/// The bargain of two.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Nash {
    /// Keeps the weights finite where the gradients are nearly parallel (xi).
    pub xi: f64,
}

impl Default for Nash {
    fn default() -> Self {
        Self { xi: 1e-8 }
    }
}

impl Stateful for Nash {}

impl Combiner for Nash {
    fn combine(&mut self, sides: Sides) -> Result<Weights> {
        let Sides { forget: Some(forget), retain: Some(retain), .. } = sides else {
            return Sum {}.combine(sides);
        };
        let shares = self.weights(Products::of_all(&forget, &retain));
        Ok(forget.mixed(retain, shares, |_, _| shares))
    }
}

impl Nash {
    /// α_i = (1 / |g_i|) · sqrt((1 − cos φ) / (sin² φ + ξ))
    fn weights(&self, products: Products) -> (f64, f64) {
        let (forget, retain) = (products.forget.sqrt(), products.retain.sqrt());
        if forget == 0.0 || retain == 0.0 {
            return (1.0, 1.0);
        }
        let cosine = products.cosine();
        if cosine > 1.0 - 1e-12 {
            return (0.5, 0.5);
        }
        if cosine < -1.0 + 1e-12 {
            return (0.0, 0.0);
        }
        let bargain = ((1.0 - cosine) / (1.0 - cosine * cosine + self.xi)).sqrt();
        (bargain / forget, bargain / retain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(forget: f64, retain: f64, across: f64) -> (f64, f64) {
        Nash::default().weights(Products { forget, retain, across })
    }

    #[test]
    fn size_does_not_decide_and_both_losses_fall() {
        for cosine in [-0.99, -0.5, 0.0, 0.4, 0.9] {
            let (f, r) = (100.0f64, 0.25f64);
            let across = cosine * (f * r).sqrt();
            let (a, b) = weights(f, r, across);
            // What the step does to either loss, in units of its own gradient's norm.
            let along_f = (a * f + b * across) / f.sqrt();
            let along_r = (a * across + b * r) / r.sqrt();
            assert!((along_f - along_r).abs() < 1e-6 * along_f, "{cosine}: {along_f} {along_r}");
            assert!(along_f > 0.0);
            // The bargain of two gradients of any size has utilities u with u_f u_r = 1.
            assert!((a * f.sqrt() * along_f - 1.0).abs() < 1e-4, "{cosine}");
        }
    }

    #[test]
    fn the_edges_stay_finite() {
        assert_eq!(weights(4.0, 4.0, 4.0), (0.5, 0.5));
        assert_eq!(weights(4.0, 4.0, -4.0), (0.0, 0.0));
        assert_eq!(weights(0.0, 4.0, 0.0), (1.0, 1.0));
    }
}
