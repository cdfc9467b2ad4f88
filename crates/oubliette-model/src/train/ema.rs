//! An exponential moving average of weights.

use crate::weights::{Weight, Weights};

/// Averages the weights that are trained, with diffusers' warm-up: early on the average forgets faster.
#[derive(Clone, Debug)]
pub struct Ema {
    /// The decay once warm, for example 0.9999.
    pub decay: f64,
    /// Updates so far.
    pub(super) updates: u64,
    /// The average.
    pub(super) average: Weights,
}

impl Ema {
    /// Begins at the given weights.
    pub fn new(decay: f64, weights: Weights) -> Self {
        Self { decay, updates: 0, average: weights }
    }

    /// Moves the average towards the weights; names it does not hold are left out.
    pub fn update(&mut self, weights: &Weights) {
        self.updates += 1;
        // The first update takes the weights as they are.
        let warm =
            if self.updates == 1 { 0.0 } else { self.updates as f64 / (self.updates as f64 + 9.0) };
        let keep = self.decay.min(warm);
        self.average = self.average.map(|name, held| match weights.get(name) {
            Some(now) => {
                let (held_flat, now) = (held.flat(), now.flat());
                Weight::from_flat(
                    held_flat.clone() - (held_flat - now) * (1.0 - keep),
                    held.shape(),
                )
            }
            None => held.clone(),
        });
    }

    /// The average.
    pub fn weights(&self) -> &Weights {
        &self.average
    }
}
