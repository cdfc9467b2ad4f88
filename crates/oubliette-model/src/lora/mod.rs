//! Low-rank adapters: `W + scale · B A` in the place of a weight `W` (Hu et al. 2021, arXiv 2106.09685).

mod names;
mod read;
mod said;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::{Device, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::weights::{Weight, Weights};

/// The largest rank that is read or made.
pub const MAX_RANK: usize = 4096;

/// What the first halves begin with; the second halves begin at zero, so a new adapter changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Init {
    /// Uniform within `1 / sqrt(inputs)`: PEFT's default.
    #[default]
    Kaiming,
    /// Normal with standard deviation `1 / rank`: what diffusers' training scripts take.
    Gaussian,
}

/// One adapted weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Rows of A and columns of B.
    pub rank: usize,
    /// What the product is multiplied by: alpha over rank, or over its root where the file says so.
    pub scale: f64,
}

/// Adapters for some weights of a model.
///
/// The halves are ordinary named weights: `lora/NAME/A` (rank, inputs) and `lora/NAME/B` (outputs, rank) for a weight
/// `NAME`; those of a convolution are flattened. They train like any other weights.
#[derive(Clone, Debug, Default)]
pub struct Lora {
    pairs: BTreeMap<String, Pair>,
    halves: Weights,
}

impl Lora {
    /// New adapters for the `targets` among `base`: weights with two or more axes; others, and tables of embeddings, are left out.
    ///
    /// # Errors
    /// When no target can be adapted, or the rank is zero or absurd.
    pub fn new(
        base: &Weights,
        targets: &BTreeSet<String>,
        rank: usize,
        alpha: f64,
        init: Init,
        seed: u64,
    ) -> Result<Self> {
        if !(1..=MAX_RANK).contains(&rank) || !alpha.is_finite() {
            let why = format!("is {rank} with alpha {alpha}");
            return Err(Error::setting(
                "rank",
                why,
                format!("give 1 to {MAX_RANK} and a finite alpha"),
            ));
        }
        let mut lora = Self::default();
        for name in targets.iter().filter(|name| !is_table(name)) {
            let Some((outputs, inputs)) = base.get(name).and_then(matrix) else { continue };
            let first = first_half(rank, inputs, init, seed, name);
            let device = base.get(name).map(Weight::device).unwrap_or_else(Device::flex);
            let pair = Pair { rank, scale: alpha / rank as f64 };
            lora.insert(
                name,
                pair,
                (first, inputs),
                (vec![0.0; outputs * rank], outputs),
                &device.inner(),
            );
        }
        if lora.pairs.is_empty() {
            let remedy = "name weights of linear layers or convolutions";
            return Err(Error::setting("targets", "hold no weight that can be adapted", remedy));
        }
        Ok(lora)
    }

    fn insert(
        &mut self,
        name: &str,
        pair: Pair,
        a: (Vec<f32>, usize),
        b: (Vec<f32>, usize),
        device: &Device,
    ) {
        let f32 = burn::tensor::DType::F32;
        self.halves.insert(half(name, 'A'), Weight::from_f32(a.0, &[pair.rank, a.1], device, f32));
        self.halves.insert(half(name, 'B'), Weight::from_f32(b.0, &[b.1, pair.rank], device, f32));
        self.pairs.insert(name.to_owned(), pair);
    }

    /// The adapted weights, by qualified name.
    pub fn pairs(&self) -> &BTreeMap<String, Pair> {
        &self.pairs
    }

    /// The halves, as named weights.
    pub fn halves(&self) -> &Weights {
        &self.halves
    }

    /// The names of the halves: what is trained.
    pub fn names(&self) -> BTreeSet<String> {
        self.halves.names().map(str::to_owned).collect()
    }

    /// The same adapters with the halves that `weights` holds, trained ones for example.
    #[must_use]
    pub fn with_halves(&self, weights: &Weights) -> Self {
        let halves = self.halves.map(|name, held| weights.get(name).unwrap_or(held).inner());
        Self { pairs: self.pairs.clone(), halves }
    }

    /// `weights` with every adapted weight replaced by `W + scale · B A`, without the halves. Halves in `weights` go
    /// before the adapter's own, so gradients reach them when they are leaves of a graph.
    ///
    /// # Panics
    /// When an adapted weight is missing or has another shape than the adapter was made for.
    pub fn apply(&self, weights: &Weights) -> Weights {
        let plain = weights.iter().filter(|(name, _)| !self.halves.contains(name));
        let mut adapted: Weights =
            plain.map(|(name, weight)| (name.clone(), weight.clone())).collect();
        for (name, pair) in &self.pairs {
            let half = |letter| -> Tensor<2> {
                let name = half(name, letter);
                weights
                    .get(&name)
                    .or_else(|| self.halves.get(&name))
                    .expect("both halves are there")
                    .tensor()
            };
            let Some(weight) = weights.get(name) else {
                unreachable!("`{name}` is adapted and not there")
            };
            let change = half('B').matmul(half('A')) * pair.scale;
            let count = weight.len();
            let row = weight.flat() + change.reshape([count]).cast(weight.dtype());
            adapted.insert(name.clone(), Weight::from_flat(row, weight.shape()));
        }
        adapted
    }

    /// The adapted weights alone, with the adapters worked in.
    ///
    /// # Panics
    /// As [`Lora::apply`].
    pub fn changed(&self, base: &Weights) -> Weights {
        self.merge(base).only(&self.pairs.keys().cloned().collect())
    }

    /// The model with the adapters worked in: [`Lora::apply`] outside autodiff.
    pub fn merge(&self, base: &Weights) -> Weights {
        self.with_halves(base).apply(&base.map(|_, weight| weight.inner()))
    }
}

/// Whether a weight is a table that rows are looked up in: what PEFT adapts under other names than layers.
fn is_table(name: &str) -> bool {
    ["token_embedding.weight", "position_embedding.weight"].iter().any(|end| name.ends_with(end))
}

/// The name of a half.
fn half(name: &str, letter: char) -> String {
    format!("lora/{name}/{letter}")
}

/// Outputs and inputs of a weight seen as a matrix; none for biases and norms.
fn matrix(weight: &Weight) -> Option<(usize, usize)> {
    match weight.shape() {
        [outputs, inputs @ ..] if !inputs.is_empty() => Some((*outputs, inputs.iter().product())),
        _ => None,
    }
}

/// The first half's values; every weight has its own stream of the seed.
fn first_half(rank: usize, inputs: usize, init: Init, seed: u64, name: &str) -> Vec<f32> {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(name.as_bytes());
    let mut random = ChaCha12Rng::from_seed(hash.finalize().into());
    let bound = 1.0 / (inputs as f32).sqrt();
    let deviation = 1.0 / rank as f32;
    let value = |_| match init {
        Init::Kaiming => random.random_range(-bound..bound),
        Init::Gaussian => deviation * random.sample::<f32, _>(StandardNormal),
    };
    (0..rank * inputs).map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::DType;

    fn base() -> Weights {
        let device = Device::flex();
        let weight = |count: usize, shape: &[usize]| {
            let values = (0..count).map(|i| (i as f32 * 0.7).sin()).collect();
            Weight::from_f32(values, shape, &device, DType::F32)
        };
        let named = [
            ("unet/l.weight", weight(12, &[3, 4])),
            ("unet/c.weight", weight(54, &[3, 2, 3, 3])),
            ("unet/l.bias", weight(3, &[3])),
        ];
        named.into_iter().map(|(name, weight)| (name.to_owned(), weight)).collect()
    }

    fn lora(base: &Weights) -> Lora {
        let targets = base.names().map(str::to_owned).collect();
        let mut lora = Lora::new(base, &targets, 2, 4.0, Init::Gaussian, 1).unwrap();
        let ones = |w: &Weight| {
            Weight::from_f32(vec![0.5; w.len()], w.shape(), &Device::flex(), DType::F32)
        };
        lora.halves =
            lora.halves.map(|name, w| if name.ends_with('B') { ones(w) } else { w.clone() });
        lora
    }

    fn values(weights: &Weights) -> Vec<f32> {
        weights.iter().flat_map(|(_, w)| w.to_f32_vec()).collect()
    }

    #[test]
    fn a_new_adapter_changes_nothing_and_leaves_biases_alone() {
        let base = base();
        let targets = base.names().map(str::to_owned).collect();
        let lora = Lora::new(&base, &targets, 2, 2.0, Init::Kaiming, 1).unwrap();
        assert_eq!(lora.pairs().len(), 2);
        assert_eq!(values(&lora.apply(&base)), values(&base));
    }

    #[test]
    fn merging_is_applying() {
        let base = base();
        let lora = lora(&base);
        let merged = lora.merge(&base);
        assert_eq!(values(&merged), values(&lora.apply(&base)));
        assert_ne!(values(&merged), values(&base));
    }

    #[test]
    fn gradients_reach_both_halves_and_only_them() {
        let base = base();
        let lora = lora(&base);
        let all = base.overlaid(lora.halves());
        let (_, gradients) = crate::train::value_and_gradients(&all, &lora.names(), |weights| {
            let weight = lora.apply(weights).get("unet/c.weight").unwrap().flat();
            Ok(weight.powi_scalar(2).sum())
        })
        .unwrap();
        assert_eq!(gradients.len(), 4);
        assert!(
            gradients.get("lora/unet/c.weight/A").unwrap().to_f32_vec().iter().any(|g| *g != 0.0)
        );
        assert!(
            gradients.get("lora/unet/l.weight/A").unwrap().to_f32_vec().iter().all(|g| *g == 0.0)
        );
    }
}
