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
