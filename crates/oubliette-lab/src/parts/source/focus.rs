//! Noise levels that are mostly drawn between two times.

use rand::Rng as _;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, lot::Rng};

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
    /// Refuses what leaves no time to draw.
    ///
    /// # Errors
    /// When it falls before it rises, or is as steep as nothing.
    pub(crate) fn check(&self) -> Result<()> {
        let Self { from, to, gamma } = *self;
        let finite = [from, to, gamma].iter().all(|value| value.is_finite());
        if finite && from < to && gamma > 0.0 {
            return Ok(());
        }
        let thing = format!("`focus` rises at {from}, falls at {to} and has a gamma of {gamma}");
        Err(Error::in_method(&thing, "let `from` lie below `to`, and `gamma` above 0"))
    }

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
    fn what_leaves_no_time_is_refused() {
        let odd = |change: fn(&mut Focus)| {
            let mut focus = Focus::default();
            change(&mut focus);
            focus.check().map_err(|error| error.to_string())
        };
        assert!(odd(|_| ()).is_ok());
        for change in [
            (|focus| focus.to = 100.0) as fn(&mut Focus),
            |focus| focus.to = focus.from,
            |focus| focus.gamma = 0.0,
            |focus| focus.from = f64::NAN,
        ] {
            assert!(odd(change).unwrap_err().contains("`focus` rises at"));
        }
    }

    #[test]
    fn most_times_lie_between_the_two() {
        let mut rng = Lot::new(1).rng();
        let times: Vec<usize> = (0..2000).map(|_| Focus::default().draw(1000, &mut rng)).collect();
        let inside = times.iter().filter(|&&t| (180..420).contains(&t)).count();
        assert!(inside > 1750 && inside < 2000, "{inside}");
        assert!(times.iter().all(|&t| t < 1000));
    }
}
