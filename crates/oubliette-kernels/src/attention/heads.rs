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

    /// Queries that the backward does at a time, so that their scores stay in the cache.
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

    /// How many of the queries from `from` on, a panel's lanes of them, may not look at a key.
    pub(super) fn blind(&self, key: usize, from: usize) -> usize {
        match self.mask {
            Mask::None => 0,
            Mask::Causal => key.saturating_sub(from).min(LANES),
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

    /// Copies one head of all keys, from its first one on, so that it lies in one piece: (keys, dim).
    pub(super) fn gather(&self, source: &[f32], into: &mut [f32]) {
        let rows = source.chunks(self.key_width);
        for (into, row) in into.chunks_exact_mut(self.dim).zip(rows) {
            into.copy_from_slice(&row[..self.dim]);
        }
    }

    /// Steps of one product over all heads.
    pub(super) fn cost(&self) -> usize {
        self.batch * self.queries * self.keys * self.width
    }
}

/// One value for each query of a panel.
type Lanes = [f32; LANES];

/// The softmax of a panel of queries over keys that come a stretch at a time.
pub(super) struct Softmax {
    scale: f32,
    most: Lanes,
    sums: Lanes,
}

impl Softmax {
    pub(super) fn new(scale: f32) -> Self {
        Self { scale, most: [f32::MIN; LANES], sums: [0.0; LANES] }
    }

    /// Replaces the scores of some keys by `exp(scale * (score - most))`, with the most of all keys so far; returns what earlier
    /// exponentials must be multiplied by for it.
    pub(super) fn add(&mut self, scores: &mut [f32]) -> Lanes {
        let before = self.most;
        raise(scores, &mut self.most);
        let mut shrink = [0.0; LANES];
        exponentials(scores, self.scale, &before, &self.most, &mut self.sums, &mut shrink);
        shrink
    }

    /// What the weighted sums must be multiplied by; writes down the logarithms of the first queries' sums.
    pub(super) fn finish(&self, logarithms: &mut [f32]) -> Lanes {
        for ((log, most), sum) in logarithms.iter_mut().zip(self.most).zip(self.sums) {
            *log = self.scale * most + sum.ln();
        }
        self.sums.map(f32::recip)
    }
}

for_each_level! { fn raise(scores: &[f32], most: &mut [f32; LANES]) = raise_body }
for_each_level! {
    /// Multiplies every row of a panel.
    pub(super) fn multiply(panel: &mut [f32], by: &[f32; LANES]) = multiply_body
}
for_each_level! {
    fn exponentials(
        scores: &mut [f32],
        scale: f32,
        before: &[f32; LANES],
        most: &[f32; LANES],
        sums: &mut [f32; LANES],
        shrink: &mut [f32; LANES],
    ) = exponentials_body
}

/// The largest score of every query so far.
#[inline(always)]
fn raise_body<const FUSED: bool>(scores: &[f32], most: &mut Lanes) {
    let mut each = [*most; 4];
    let mut fours = scores.chunks_exact(4 * LANES);
    for four in &mut fours {
        for (most, score) in each.as_flattened_mut().iter_mut().zip(four) {
            *most = if *score > *most { *score } else { *most };
        }
    }
    for (most, score) in each.as_flattened_mut().iter_mut().zip(fours.remainder()) {
        *most = if *score > *most { *score } else { *most };
    }
    for other in each {
        for (most, score) in most.iter_mut().zip(other) {
            *most = if score > *most { score } else { *most };
        }
    }
}

#[inline(always)]
fn multiply_body<const FUSED: bool>(panel: &mut [f32], by: &Lanes) {
    for row in panel.chunks_exact_mut(LANES) {
        row.iter_mut().zip(by).for_each(|(value, by)| *value *= by);
    }
}

#[inline(always)]
fn exponentials_body<const FUSED: bool>(
    scores: &mut [f32],
    scale: f32,
    before: &Lanes,
    most: &Lanes,
    sums: &mut Lanes,
    shrink: &mut Lanes,
) {
    for i in 0..LANES {
        shrink[i] = exp::<FUSED>(scale * (before[i] - most[i]));
        sums[i] *= shrink[i];
    }
    let (most, mut each) = (*most, [0.0; LANES]);
    for row in scores.chunks_exact_mut(LANES) {
        for i in 0..LANES {
            row[i] = exp::<FUSED>(scale * (row[i] - most[i]));
            each[i] += row[i];
        }
    }
    // A stretch is summed by itself: the sum of all keys in one row would round as often as there are keys.
    sums.iter_mut().zip(each).for_each(|(sum, each)| *sum += each);
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
