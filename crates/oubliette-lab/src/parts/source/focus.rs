//! Noise levels that are mostly drawn between two times.

use rand::Rng as _;
use serde::{Deserialize, Serialize};

use crate::lot::Rng;

/// Times drawn in proportion to σ(γ (t − from)) − σ(γ (t − to)) (MACE, arXiv 2403.06135, concept-focal importance sampling).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Focus {
    /// Where the density rises.
    pub from: f64,
    /// Where it falls.
    pub to: f64,
    /// How steeply it does.
    pub gamma: f64,
}

impl Default for Focus {
    fn default() -> Self {
        Self { from: 200.0, to: 400.0, gamma: 0.05 }
    }
}

impl Focus {
    /// One of `levels` times.
    pub(crate) fn draw(&self, levels: usize, rng: &mut Rng) -> usize {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let density = |t: usize| {
            let t = t as f64;
            sigmoid(self.gamma * (t - self.from)) - sigmoid(self.gamma * (t - self.to))
        };
        let all: f64 = (0..levels).map(density).map(|d| d.max(0.0)).sum();
        let mut left = rng.random::<f64>() * all;
        for t in 0..levels {
            left -= density(t).max(0.0);
            if left < 0.0 {
                return t;
            }
        }
        levels.saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lot::Lot;

    #[test]
    fn most_times_lie_between_the_two() {
        let mut rng = Lot::new(1).rng();
        let times: Vec<usize> = (0..2000).map(|_| Focus::default().draw(1000, &mut rng)).collect();
        let inside = times.iter().filter(|&&t| (180..420).contains(&t)).count();
        assert!(inside > 1750 && inside < 2000, "{inside}");
        assert!(times.iter().all(|&t| t < 1000));
    }
}
