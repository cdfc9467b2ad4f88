//! Fresh erasers behind every cross-attention.

use oubliette_model::{
    Weight, Weights,
    attached::{Attached, eraser_name},
};
use rand::Rng as _;
use serde::{Deserialize, Serialize};

use crate::{lot::Lot, methods::Attach};

/// Erasers of one rank; they add nothing before they are trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Erasers {
    pub(super) rank: usize,
}

impl Attach for Erasers {
    fn onto(&self, already: Option<&Attached>) -> Option<Attached> {
        already.is_none().then_some(Attached::Erasers {})
    }

    fn fresh(&self, base: &Weights, lot: Lot) -> Weights {
        let mut fresh = Weights::new();
        for (name, weight) in base {
            let (Some(place), &[width, _]) = (eraser_name(name), weight.shape()) else { continue };
            let mut put = |part: &str, shape: &[usize], values: Vec<f32>| {
                let one = Weight::from_f32(values, shape, &weight.device(), weight.dtype());
                fresh.insert(format!("{place}.{part}"), one);
            };
            // As PyTorch begins a linear layer.
            let bound = 1.0 / (width as f32).sqrt();
            let mut rng = lot.child(&place).rng();
            let mut draw = |count| (0..count).map(|_| rng.random_range(-bound..bound)).collect();
            put("down.weight", &[self.rank, width], draw(self.rank * width));
            put("down.bias", &[self.rank], draw(self.rank));
            put("up.weight", &[width, self.rank], vec![0.0; width * self.rank]);
            put("up.bias", &[width], vec![0.0; width]);
        }
        fresh
    }
}
