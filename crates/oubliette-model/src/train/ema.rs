//! An exponential moving average of weights, in f32 whatever they are held in: one update adds less than the last digit of a shorter format.

use burn::tensor::DType;

use super::optimiser::in_f32;
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
        Self { decay, updates: 0, average: in_f32(&weights) }
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
                let (held_flat, now) = (held.flat(), now.flat().cast(DType::F32));
                Weight::from_flat(
                    held_flat.clone() - (held_flat - now) * (1.0 - keep),
                    held.shape(),
                )
            }
            None => held.clone(),
        });
    }

    /// The average, every weight in the format that it has in `like`.
    pub fn weights(&self, like: &Weights) -> Weights {
        self.average.map(|name, held| match like.get(name) {
            Some(like) => held.to(&held.device(), like.dtype()),
            None => held.clone(),
        })
    }
}
