//! A fresh adapter beside the layers of the transformers.

use std::collections::BTreeMap;

use oubliette_model::{
    Weight, Weights,
    attached::{Attached, adapter_names},
};
use rand::Rng as _;
use serde::{Deserialize, Serialize};

use crate::{lot::Lot, methods::Attach};

/// One concept's adapter; it changes nothing before it is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Adapter {
    pub(super) id: String,
    /// What a prompt must be like for it to act.
    pub(super) texts: Vec<String>,
    pub(super) rank: usize,
}

impl Attach for Adapter {
    fn onto(&self, already: Option<&Attached>) -> Option<Attached> {
        let mut texts = match already {
            None => BTreeMap::new(),
            Some(Attached::GatedAdapters { texts }) => texts.clone(),
            Some(Attached::Erasers {}) => return None,
        };
        let new = texts.insert(self.id.clone(), self.texts.clone()).is_none();
        new.then_some(Attached::GatedAdapters { texts })
    }

    fn fresh(&self, base: &Weights, lot: Lot) -> Weights {
        let mut fresh = Weights::new();
        for (name, weight) in base {
            let (&[outputs, inputs] | &[outputs, inputs, 1, 1]) = weight.shape() else { continue };
            let Some([down, up]) = adapter_names(name, &self.id) else { continue };
            // Uniform within one over the root of the inputs, as the release begins.
            let bound = 1.0 / (inputs as f32).sqrt();
            let mut rng = lot.child(&down).rng();
            let values = (0..self.rank * inputs).map(|_| rng.random_range(-bound..bound)).collect();
            let mut put = |name: String, shape: [usize; 2], values: Vec<f32>| {
                let one = Weight::from_f32(values, &shape, &weight.device(), weight.dtype());
                fresh.insert(name, one);
            };
            put(down, [self.rank, inputs], values);
            put(up, [outputs, self.rank], vec![0.0; outputs * self.rank]);
        }
        fresh
    }
}
