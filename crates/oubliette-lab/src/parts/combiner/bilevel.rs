//! EraseDiff's outer step: keep, and forget as much as the two gradients allow.

use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{Combiner, Sides, Stateful, Sum, products::Products};
use crate::{Card, Entry, Error, Result};

pub(super) const ENTRY: Entry<dyn Combiner> = Entry::of::<Bilevel>(Card {
    name: "bilevel",
    what: "The retain gradient plus lambda times the forget gradient; adaptive: lambda is larger the more the two conflict.",
    cost: "three scalar products over the trained weights a step",
    source: "EraseDiff (arXiv 2401.05779), released code; BOME (arXiv 2209.08709)",
    broken_by: "quality and neighbours suffer (arXiv 2405.15234: FID 233)",
    differs: "the inner steps of the release end in a number that is a constant of the outer loss, so they change no gradient and are \
              left out",
    ..Card::BLANK
});

/// The outer step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bilevel {
    /// Weight of the forget gradient.
    pub lambda: f64,
    /// In place of `lambda`: eta less the cosine between the two gradients, or nothing where that is below zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta: Option<f64>,
}

impl Default for Bilevel {
    fn default() -> Self {
        Self { lambda: 1.0, eta: None }
    }
}

impl Stateful for Bilevel {}

impl Combiner for Bilevel {
    fn check(&self) -> Result<()> {
        let lambda = self.lambda.is_finite() && self.lambda >= 0.0;
        if lambda && self.eta.is_none_or(f64::is_finite) {
            return Ok(());
        }
        let eta = self.eta.map_or_else(String::new, |eta| format!(" and `eta` {eta}"));
        Err(Error::Input {
            file: "the recipe, combiner `bilevel`".to_owned(),
            thing: format!("`lambda` is {}{eta}", self.lambda),
            remedy: "choose a `lambda` of 0 or more, and a finite `eta`".to_owned(),
        })
    }

    fn combine(&mut self, sides: Sides) -> Result<Weights> {
        let Sides { forget: Some(forget), retain: Some(retain), .. } = sides else {
            return Sum {}.combine(sides);
        };
        let lambda = match self.eta {
            None => self.lambda,
            Some(eta) => (eta - Products::of_all(&forget, &retain).cosine()).max(0.0),
        };
        Ok(forget.mixed(retain, (lambda, 1.0), |_, _| (lambda, 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Device};
    use oubliette_model::Weight;

    fn combined(bilevel: &mut Bilevel, forget: [f32; 2], retain: [f32; 2]) -> Vec<f32> {
        let side = |values: [f32; 2]| {
            let weight = Weight::from_f32(values.to_vec(), &[2], &Device::flex(), DType::F32);
            Some([("w".to_owned(), weight)].into_iter().collect())
        };
        let sides = Sides { forget: side(forget), retain: side(retain), relearn: None };
        bilevel.combine(sides).unwrap().get("w").unwrap().to_f32_vec()
    }

    #[test]
    fn lambda_follows_the_conflict() {
        let mut fixed = Bilevel { lambda: 0.5, eta: None };
        assert_eq!(combined(&mut fixed, [2.0, 0.0], [0.0, 3.0]), [1.0, 3.0]);
        let mut adaptive = Bilevel { eta: Some(0.1), ..Bilevel::default() };
        // Orthogonal: lambda is eta; against each other: eta + 1; along each other: nothing.
        let near = |found: Vec<f32>, wanted: [f32; 2]| {
            found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6)
        };
        assert!(near(combined(&mut adaptive, [1.0, 0.0], [0.0, 1.0]), [0.1, 1.0]));
        assert!(near(combined(&mut adaptive, [1.0, 0.0], [-1.0, 0.0]), [0.1, 0.0]));
        assert!(near(combined(&mut adaptive, [1.0, 0.0], [1.0, 0.0]), [1.0, 0.0]));
    }
}
