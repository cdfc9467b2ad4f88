//! Cross-entropy of a softmax, as a mean over the batch.

use std::sync::Arc;

use burn::tensor::{Int, Tensor, activation};

use crate::array::Array;
use crate::buffer::unwritten;
use crate::engine::level::for_each_level;
use crate::engine::math::exp;
use crate::engine::reduce::together;
use crate::op::{Kernel, apply, takes};
use crate::parallel;

/// Mean over the batch of `-log softmax(logits)[target]`: `logits` (n, classes), `targets` (n) give (1).
///
/// # Panics
/// When `targets` is not (n) or names a class that is not there, or the batch is empty.
pub fn softmax_cross_entropy(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    let [n, classes] = logits.dims();
    assert!(n > 0, "softmax_cross_entropy: an empty batch has no mean");
    assert_eq!(targets.dims(), [n], "softmax_cross_entropy: one target for each row of logits");
    if !takes(&logits) {
        return composed(logits, targets);
    }
    let targets: Vec<usize> =
        targets.into_data().iter::<i64>().map(|target| target as usize).collect();
    let largest = targets.iter().max().copied().unwrap_or(0);
    assert!(largest < classes, "softmax_cross_entropy: class {largest} of {classes}");
    let kernel = CrossEntropy { targets: Arc::new(targets) };
    Tensor::from_dispatch(apply(kernel, [logits.into_dispatch()]))
}

fn composed(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    let [n, _] = logits.dims();
    let chosen = activation::log_softmax(logits, 1).gather(1, targets.reshape([n, 1]));
    chosen.mean().neg()
}

#[derive(Clone, Debug)]
struct CrossEntropy {
    targets: Arc<Vec<usize>>,
}

impl Kernel<1> for CrossEntropy {
    /// The logarithm of the sum of exponentials of each row.
    type Saved = Arc<Vec<f32>>;
    const CHEAP: bool = false;

    fn forward(&self, [logits]: [Array; 1]) -> (Array, Self::Saved) {
        let [n, classes] = logits.dims();
        let mut logarithms = unwritten(n);
        let cost = 4 * logits.data().len();
        parallel::chunks(&mut logarithms, 8, cost, |task, logarithms| {
            for (i, logarithm) in logarithms.iter_mut().enumerate() {
                *logarithm = log_sum_exp(&logits.data()[(task * 8 + i) * classes..][..classes]);
            }
        });
        let rows = logarithms.iter().zip(logits.data().chunks_exact(classes));
        let losses = rows.zip(self.targets.iter());
        let sum: f32 = losses.map(|((logarithm, row), target)| logarithm - row[*target]).sum();
        (Array::new(vec![sum / n as f32], &[1]), Arc::new(logarithms))
    }

    fn reads(&self, _: [bool; 1]) -> [bool; 1] {
        [true]
    }

    fn backward(
        &self,
        [logits]: [Option<Array>; 1],
        logarithms: Self::Saved,
        gradient: Array,
        _: [bool; 1],
    ) -> [Option<Array>; 1] {
        let Some(logits) = logits else { return [None] };
        let [n, classes] = logits.dims();
        let factor = gradient.data()[0] / n as f32;
        let mut out = unwritten(n * classes);
        parallel::chunks(&mut out, 8 * classes, 4 * n * classes, |task, out| {
            for (i, out) in out.chunks_exact_mut(classes).enumerate() {
                let row = task * 8 + i;
                let logits = &logits.data()[row * classes..][..classes];
                scaled_softmax(logits, logarithms[row], factor, out);
                out[self.targets[row]] -= factor;
            }
        });
        [Some(Array::new(out, logits.shape()))]
    }
}

for_each_level! { fn log_sum_exp(row: &[f32]) -> f32 = log_sum_exp_body }
for_each_level! { fn scaled_softmax(row: &[f32], logarithm: f32, factor: f32, out: &mut [f32]) = scaled_softmax_body }

#[inline(always)]
fn log_sum_exp_body<const FUSED: bool>(row: &[f32]) -> f32 {
    let largest = row.iter().fold(f32::NEG_INFINITY, |a, &b| if b > a { b } else { a });
    let mut sums = [0.0f32; 16];
    let mut chunks = row.chunks_exact(16);
    for chunk in &mut chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += exp::<FUSED>(value - largest);
        }
    }
    for (sum, value) in sums.iter_mut().zip(chunks.remainder()) {
        *sum += exp::<FUSED>(value - largest);
    }
    largest + together(sums).ln()
}

#[inline(always)]
fn scaled_softmax_body<const FUSED: bool>(
    row: &[f32],
    logarithm: f32,
    factor: f32,
    out: &mut [f32],
) {
    for (out, value) in out.iter_mut().zip(row) {
        *out = factor * exp::<FUSED>(value - logarithm);
    }
}
