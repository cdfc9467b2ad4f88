//! Weights before training, drawn from a seed as PyTorch's layers draw theirs.

use burn::tensor::{DType, Device};
use rand::distr::{Distribution, Uniform};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::networks::Shapes;
use crate::weights::{Weight, Weights};

/// The standard deviation of embeddings.
const EMBEDDING: f32 = 0.02;

/// CLIP's first `logit_scale`: the logarithm of 1 / 0.07.
const LOGIT_SCALE: f32 = 2.6592;

/// Random weights of these shapes below `component/`. Each weight's numbers depend on the seed and its name's place in
/// the list alone. Weights whose name ends with one of `zeros` begin at zero.
pub fn initial(
    component: &str,
    shapes: &Shapes,
    seed: u64,
    zeros: &[&str],
    device: &Device,
) -> Weights {
    let one = |(place, (name, shape)): (usize, (&String, &Vec<usize>))| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(place as u64);
        let count = shape.iter().product();
        let values = if zeros.iter().any(|end| name.ends_with(end)) {
            vec![0.0; count]
        } else {
            values(name, shape, fan_in(shapes, name), count, &mut rng)
        };
        // A single number is a list of one in memory.
        let shape = if shape.is_empty() { &[1][..] } else { shape };
        (format!("{component}/{name}"), Weight::from_f32(values, shape, device, DType::F32))
    };
    shapes.iter().enumerate().map(one).collect()
}

fn values(
    name: &str,
    shape: &[usize],
    fan_in: Option<usize>,
    count: usize,
    rng: &mut impl Rng,
) -> Vec<f32> {
    if name.ends_with("logit_scale") {
        vec![LOGIT_SCALE; count]
    } else if is_embedding(name, shape) {
        (0..count).map(|_| EMBEDDING * rng.sample::<f32, _>(StandardNormal)).collect()
    } else if shape.len() == 1 && name.ends_with("weight") {
        vec![1.0; count]
    } else if let Some(fan_in) = fan_in.filter(|fan_in| *fan_in > 0) {
        let bound = 1.0 / (fan_in as f32).sqrt();
        let uniform = Uniform::new_inclusive(-bound, bound).expect("the bound is finite");
        uniform.sample_iter(rng).take(count).collect()
    } else {
        vec![0.0; count]
    }
}

/// Tables of tokens and positions and the class token, but not the convolution that cuts patches.
fn is_embedding(name: &str, shape: &[usize]) -> bool {
    name.contains("embeddings.") && shape.len() != 4 && !name.ends_with("bias")
}

/// How many inputs each output of the layer has; none for normalisations.
fn fan_in(shapes: &Shapes, name: &str) -> Option<usize> {
    let layer = name.rsplit_once('.').map_or(name, |(layer, _)| layer);
    let weight = shapes.get(&format!("{layer}.weight"))?;
    (weight.len() > 1).then(|| weight[1..].iter().product())
}
