//! Restricted gradient: each side gives up the part of its gradient that works against the other.

use oubliette_model::{Weight, Weights};
use serde::{Deserialize, Serialize};

use super::{Combiner, Sides, Stateful, Sum, products::Products};
use crate::{Card, Entry, Error, Result};

pub(super) const ENTRY: Entry<dyn Combiner> = Entry::of::<Restricted>(Card {
    name: "restricted",
    what: "Where the two gradients point against each other, each loses its part along the other before they are added.",
    cost: "three scalar products over the trained weights a step",
    source: "Boosting Alignment for Post-Unlearning Text-to-Image Generative Models (arXiv 2412.07808), theorem 4",
    broken_by: "a retain set that does not stand for what must be kept",
    differs: "the scalar products can also be taken weight by weight (`per_layer`); sums are in double precision",
    ..Card::BLANK
});

/// The joint step of theorem 4.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Restricted {
    /// Weight of the retain part (alpha of the released code).
    pub alpha: f64,
    /// Compare the gradients of every weight by itself and not those of the whole model.
    pub per_layer: bool,
}

impl Default for Restricted {
    fn default() -> Self {
        Self { alpha: 1.0, per_layer: false }
    }
}

impl Stateful for Restricted {}

impl Combiner for Restricted {
    fn check(&self) -> Result<()> {
        if !self.alpha.is_finite() || self.alpha < 0.0 {
            return Err(Error::Input {
                file: "the recipe, combiner `restricted`".to_owned(),
                thing: format!("`alpha` is {}", self.alpha),
                remedy: "choose a weight of 0 or more".to_owned(),
            });
        }
        Ok(())
    }

    fn combine(&mut self, sides: Sides) -> Result<Weights> {
        let Sides { forget: Some(forget), retain: Some(retain), .. } = sides else {
            return Sum {}.combine(sides);
        };
        let whole = (!self.per_layer).then(|| Products::of_all(&forget, &retain));
        let shares = |f: &Weight, r: &Weight| {
            shares(whole.unwrap_or_else(|| Products::of(f, r)), self.alpha)
        };
        Ok(forget.mixed(retain, (1.0, self.alpha), shares))
    }
}

/// How much of either gradient is in the step: δ_f + α δ_r, written as a sum of both.
fn shares(products: Products, alpha: f64) -> (f64, f64) {
    if products.across >= 0.0 {
        return (1.0, alpha);
    }
    // Both norms are above zero here, or the product would be zero.
    (1.0 - alpha * products.across / products.forget, alpha - products.across / products.retain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lot::Lot;
    use burn::tensor::{DType, Device};
    use rand::Rng as _;

    fn weights(parts: &[(&str, Vec<f32>)]) -> Weights {
        let weight = |values: &Vec<f32>| {
            Weight::from_f32(values.clone(), &[values.len()], &Device::flex(), DType::F32)
        };
        parts.iter().map(|(name, values)| ((*name).to_owned(), weight(values))).collect()
    }

    fn random(seed: u64) -> Vec<f32> {
        let mut rng = Lot::new(seed).rng();
        (0..40).map(|_| rng.random_range(-1.0..1.0)).collect()
    }

    fn dot(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    }

    fn step(restricted: &mut Restricted, forget: &[f32], retain: &[f32]) -> Vec<f32> {
        let sides = Sides {
            forget: Some(weights(&[("w", forget.to_vec())])),
            retain: Some(weights(&[("w", retain.to_vec())])),
            relearn: None,
        };
        restricted.combine(sides).unwrap().get("w").unwrap().to_f32_vec()
    }

    #[test]
    fn each_side_keeps_only_what_does_not_work_against_the_other() {
        for seed in 0..20 {
            let (forget, noise) = (random(2 * seed), random(2 * seed + 1));
            // Against the forget gradient for certain.
            let retain: Vec<f32> = noise.iter().zip(&forget).map(|(n, f)| n - 2.0 * f).collect();
            let no_retain =
                step(&mut Restricted { alpha: 0.0, ..Restricted::default() }, &forget, &retain);
            assert!(
                dot(&no_retain, &retain).abs() < 1e-4,
                "delta_f is orthogonal to the retain gradient"
            );
            let both = step(&mut Restricted::default(), &forget, &retain);
            let delta_r: Vec<f32> = both.iter().zip(&no_retain).map(|(b, f)| b - f).collect();
            assert!(
                dot(&delta_r, &forget).abs() < 1e-4,
                "delta_r is orthogonal to the forget gradient"
            );
            assert!(dot(&both, &forget) > 0.0 && dot(&both, &retain) > 0.0, "both losses fall");
        }
    }

    #[test]
    fn without_conflict_it_is_the_weighted_sum() {
        let (forget, noise) = (random(1), random(2));
        let retain: Vec<f32> = noise.iter().zip(&forget).map(|(n, f)| n + 2.0 * f).collect();
        let step = step(&mut Restricted { alpha: 1.6, ..Restricted::default() }, &forget, &retain);
        for ((s, f), r) in step.iter().zip(&forget).zip(&retain) {
            assert!((s - (f + 1.6 * r)).abs() < 1e-6);
        }
    }

    #[test]
    fn per_layer_conflicts_are_solved_where_they_are() {
        let forget = weights(&[("a", vec![1.0, 0.0]), ("b", vec![1.0, 1.0])]);
        let retain = weights(&[("a", vec![-1.0, 1.0]), ("b", vec![5.0, 5.0])]);
        let sides =
            || Sides { forget: Some(forget.clone()), retain: Some(retain.clone()), relearn: None };
        let whole = Restricted::default().combine(sides()).unwrap();
        assert_eq!(
            whole.get("a").unwrap().to_f32_vec(),
            [0.0, 1.0],
            "no conflict of the whole: the sum"
        );
        let own = Restricted { per_layer: true, ..Restricted::default() }.combine(sides()).unwrap();
        assert_eq!(own.get("a").unwrap().to_f32_vec(), [0.5, 1.5]);
        assert_eq!(own.get("b").unwrap().to_f32_vec(), [6.0, 6.0]);
    }
}
