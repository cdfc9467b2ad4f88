//! Random weights for training from scratch: what PyTorch's layers and CLIP begin with.

use burn::tensor::{DType, Device};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use sha2::{Digest, Sha256};

use crate::networks::Shapes;
use crate::weights::{Weight, Weights};

/// Standard deviation of CLIP's and ViT's embeddings.
const EMBEDDING_STD: f32 = 0.02;
/// The logarithm of CLIP's first scale: a temperature of 0.07.
const LOGIT_SCALE: f32 = 2.6592;

/// Weights for a network of these `shapes`, named `prefix/name`.
///
/// Each weight has a random stream of its own, made from the seed and its qualified name, so that
/// one does not depend on which others there are.
pub fn random_weights(prefix: &str, shapes: &Shapes, seed: u64, device: &Device) -> Weights {
    let named = shapes.iter().map(|(name, shape)| {
        let qualified = format!("{prefix}/{name}");
        let values = values(name, shape, shapes, &mut stream(seed, &qualified));
        let shape = if shape.is_empty() { &[1][..] } else { shape };
        (qualified, Weight::from_f32(values, shape, device, DType::F32))
    });
    named.collect()
}

fn stream(seed: u64, name: &str) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(name.as_bytes());
    ChaCha8Rng::from_seed(hash.finalize().into())
}

fn values(name: &str, shape: &[usize], shapes: &Shapes, random: &mut ChaCha8Rng) -> Vec<f32> {
    let count = shape.iter().product();
    let layer = name.rsplit_once('.').map_or("", |(layer, _)| layer);
    if name == "logit_scale" {
        vec![LOGIT_SCALE]
    } else if is_embedding(name) {
        let normal = |_| EMBEDDING_STD * Distribution::<f32>::sample(&StandardNormal, random);
        (0..count).map(normal).collect()
    } else if shapes.get(&format!("{layer}.weight")).is_some_and(|weight| weight.len() == 1) {
        // A normalisation: its weight is the only kind with one axis.
        vec![if name.ends_with("weight") { 1.0 } else { 0.0 }; count]
    } else {
        uniform(fan_in(layer, shapes), count, random)
    }
}

fn is_embedding(name: &str) -> bool {
    let ends = ["token_embedding.weight", "position_embedding.weight"];
    let tokens = ["class_embedding", "cls_token", "position_embeddings"];
    ends.iter().chain(&tokens).any(|end| name.ends_with(end))
}

/// Inputs of one output of a linear layer or a convolution.
fn fan_in(layer: &str, shapes: &Shapes) -> usize {
    let weight = shapes.get(&format!("{layer}.weight"));
    weight.map_or(1, |shape| shape[1..].iter().product::<usize>().max(1))
}

/// PyTorch's `kaiming_uniform_(a = sqrt 5)` of weights and its bounds of biases are the same: plus
/// and minus one over the root of the inputs.
fn uniform(fan_in: usize, count: usize, random: &mut ChaCha8Rng) -> Vec<f32> {
    let bound = 1.0 / (fan_in as f32).sqrt();
    (0..count).map(|_| random.random_range(-bound..bound)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_begins_as_in_pytorch() {
        let shapes: Shapes = [
            ("fc.weight", vec![64, 100]),
            ("fc.bias", vec![64]),
            ("norm.weight", vec![8]),
            ("norm.bias", vec![8]),
            ("token_embedding.weight", vec![100, 64]),
            ("logit_scale", vec![]),
        ]
        .map(|(name, shape)| (name.to_owned(), shape))
        .into();
        let weights = random_weights("net", &shapes, 1, &Device::flex());
        let values = |name: &str| weights.get(&format!("net/{name}")).unwrap().to_f32_vec();
        let spread = |values: Vec<f32>| {
            (values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32).sqrt()
        };
        assert!(values("fc.weight").iter().chain(&values("fc.bias")).all(|v| v.abs() <= 0.1));
        assert!((spread(values("fc.weight")) - 0.1 / 3_f32.sqrt()).abs() < 0.002);
        assert!((spread(values("token_embedding.weight")) - 0.02).abs() < 0.001);
        assert_eq!(values("norm.weight"), [1.0; 8]);
        assert_eq!(values("norm.bias"), [0.0; 8]);
        assert_eq!(values("logit_scale"), [2.6592]);
        let alone: Shapes = [("fc.weight".to_owned(), vec![64, 100])].into();
        let again = random_weights("net", &alone, 1, &Device::flex());
        assert_eq!(again.get("net/fc.weight").unwrap().to_f32_vec(), values("fc.weight"));
    }
}
