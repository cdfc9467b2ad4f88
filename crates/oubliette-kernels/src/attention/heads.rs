//! Where heads lie, and the softmax of their scores.

use super::Mask;
use crate::array::Array;
use crate::engine::level::{fma, for_each_level};
use crate::engine::math::exp;
use crate::engine::micro::LANES;
use crate::engine::reduce::together;

/// The sizes of an attention.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heads {
    pub(super) batch: usize,
    pub(super) heads: usize,
    pub(super) queries: usize,
    pub(super) keys: usize,
    pub(super) dim: usize,
    /// Values from one token of the queries to the next.
    pub(super) width: usize,
    /// Values from one token of the keys to the next.
    pub(super) key_width: usize,
    /// Heads of the queries that one head of the keys serves.
    pub(super) group: usize,
    mask: Mask,
}

impl Heads {
    pub(super) fn new(q: &Array, k: &Array, heads: usize, mask: Mask) -> Self {
        let [batch, queries, width] = q.dims();
        let [_, keys, key_width] = k.dims();
        let group = width / key_width.max(1);
        Self { batch, heads, queries, keys, dim: width / heads, width, key_width, group, mask }
    }

    /// What scores are multiplied by.
    pub(super) fn scale(&self) -> f32 {
        (self.dim as f32).sqrt().recip()
    }

    /// Queries that are done at a time, so that their scores stay in the cache.
    pub(super) fn together(&self) -> usize {
        if self.keys > 1024 { 32 } else { 64 }
    }

    /// Keys that the queries before `until` may look at.
    pub(super) fn visible(&self, until: usize) -> usize {
        match self.mask {
            Mask::None => self.keys,
            Mask::Causal => self.keys.min(until),
        }
    }

    /// Values from one row of scores to the next: a panel more than there are keys, since rows that lie a power of two apart would share the same few
    /// lines of the first cache.
    pub(super) fn pitch(&self) -> usize {
        self.keys.next_multiple_of(LANES) + LANES
    }

    /// Where head `index`, counted over the batch, begins in the queries.
    pub(super) fn start(&self, index: usize) -> usize {
        index / self.heads * self.queries * self.width + index % self.heads * self.dim
    }

    /// Where the keys of head `index` of the queries, counted over the batch, begin.
    pub(super) fn key_start(&self, index: usize) -> usize {
        let (sample, head) = (index / self.heads, index % self.heads / self.group);
        sample * self.keys * self.key_width + head * self.dim
    }

    /// Steps of one product over all heads.
    pub(super) fn cost(&self) -> usize {
        self.batch * self.queries * self.keys * self.width
    }
}

for_each_level! {
    /// Replaces scores by `exp(scale * (score - largest))`, in place; returns the largest score and the sum.
    pub(super) fn exponentials(scores: &mut [f32], scale: f32) -> (f32, f32) = exponentials_body
}

#[inline(always)]
fn exponentials_body<const FUSED: bool>(scores: &mut [f32], scale: f32) -> (f32, f32) {
    let mut most = [f32::NEG_INFINITY; 16];
    let mut chunks = scores.chunks_exact(16);
    for chunk in &mut chunks {
        for (most, score) in most.iter_mut().zip(chunk) {
            *most = if *score > *most { *score } else { *most };
        }
    }
    for (most, score) in most.iter_mut().zip(chunks.remainder()) {
        *most = if *score > *most { *score } else { *most };
    }
    let largest = most.into_iter().fold(f32::NEG_INFINITY, |a, b| if b > a { b } else { a });
    let mut sums = [0.0f32; 16];
    let mut chunks = scores.chunks_exact_mut(16);
    for chunk in &mut chunks {
        for (sum, score) in sums.iter_mut().zip(chunk) {
            *score = exp::<FUSED>(scale * (*score - largest));
            *sum += *score;
        }
    }
    for (sum, score) in sums.iter_mut().zip(chunks.into_remainder()) {
        *score = exp::<FUSED>(scale * (*score - largest));
        *sum += *score;
    }
    (largest, together(sums))
}

for_each_level! {
    /// Replaces scores by the weights of the softmax whose logarithmic sum is `logarithm`.
    pub(super) fn weights(scores: &mut [f32], scale: f32, logarithm: f32) = weights_body
}

#[inline(always)]
fn weights_body<const FUSED: bool>(scores: &mut [f32], scale: f32, logarithm: f32) {
    for score in scores {
        *score = exp::<FUSED>(fma::<FUSED>(*score, scale, -logarithm));
    }
}

for_each_level! {
    /// From the gradients of the weights to those of the scores, in place.
    pub(super) fn softmax_gradient(weights: &[f32], gradients: &mut [f32], scale: f32) = softmax_gradient_body
}

#[inline(always)]
fn softmax_gradient_body<const FUSED: bool>(weights: &[f32], gradients: &mut [f32], scale: f32) {
    let mut sums = [0.0f32; 16];
    let whole = weights.len() / 16 * 16;
    for (weights, gradients) in weights.chunks_exact(16).zip(gradients.chunks_exact(16)) {
        for j in 0..16 {
            sums[j] = fma::<FUSED>(weights[j], gradients[j], sums[j]);
        }
    }
    for (j, sum) in sums.iter_mut().enumerate().take(weights.len() - whole) {
        *sum = fma::<FUSED>(weights[whole + j], gradients[whole + j], *sum);
    }
    let mean = together(sums);
    for (gradient, weight) in gradients.iter_mut().zip(weights) {
        *gradient = scale * weight * (*gradient - mean);
    }
}
