//! Where heads lie, and the softmax of their scores.

use std::f32::consts::LOG2_E;

use super::Mask;
use crate::array::Array;
use crate::engine::level::{fma, for_each_level};
use crate::engine::math::exp2;
use crate::engine::micro::LANES;
use crate::engine::product::DEPTH;

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

    /// Lanes that a head's channels take where they are columns: whole halves of a panel.
    pub(super) fn lanes(&self) -> usize {
        self.dim.next_multiple_of(LANES / 2)
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
        exponentials(scores, LOG2_E * self.scale, &before, &self.most, &mut self.sums, &mut shrink);
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
    // Two rows side by side: of single ones the compiler makes columns, which it gathers value by value.
    let by = [*by, *by];
    for rows in panel.chunks_mut(2 * LANES) {
        rows.iter_mut().zip(by.as_flattened()).for_each(|(value, by)| *value *= by);
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
        shrink[i] = exp2::<FUSED>(scale * (before[i] - most[i]));
        sums[i] *= shrink[i];
    }
    let (most, mut each) = (*most, [0.0; LANES]);
    for row in scores.chunks_exact_mut(LANES) {
        for i in 0..LANES {
            row[i] = exp2::<FUSED>(scale * (row[i] - most[i]));
            each[i] += row[i];
        }
    }
    // A stretch is summed by itself: the sum of all keys in one row would round as often as there are keys.
    sums.iter_mut().zip(each).for_each(|(sum, each)| *sum += each);
}

for_each_level! {
    /// Replaces rows of scores by the weights of the softmaxes whose logarithmic sums these are.
    pub(super) fn weights(scores: &mut [f32], scale: f32, logarithms: &[f32; LANES]) = weights_body
}

#[inline(always)]
fn weights_body<const FUSED: bool>(scores: &mut [f32], scale: f32, logarithms: &Lanes) {
    let (scale, logarithms) = (LOG2_E * scale, logarithms.map(|logarithm| LOG2_E * logarithm));
    for row in scores.chunks_exact_mut(LANES) {
        for i in 0..LANES {
            row[i] = exp2::<FUSED>(fma::<FUSED>(row[i], scale, -logarithms[i]));
        }
    }
}

for_each_level! {
    /// Adds the products of all rows to the sums of their lanes.
    pub(super) fn add_products(a: &[f32], b: &[f32], sums: &mut [f32; LANES]) = add_products_body
}

#[inline(always)]
fn add_products_body<const FUSED: bool>(a: &[f32], b: &[f32], sums: &mut Lanes) {
    // A stretch is summed by itself, as in the forward.
    for (a, b) in a.chunks(DEPTH * LANES).zip(b.chunks(DEPTH * LANES)) {
        let mut each = [0.0; LANES];
        for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
            for i in 0..LANES {
                each[i] = fma::<FUSED>(a[i], b[i], each[i]);
            }
        }
        sums.iter_mut().zip(each).for_each(|(sum, each)| *sum += each);
    }
}

for_each_level! {
    /// From the gradients of the weights to those of the scores, in place; `means` are the sums of their products.
    pub(super) fn change(weights: &[f32], gradients: &mut [f32], means: &[f32; LANES], scale: f32) = change_body
}

#[inline(always)]
fn change_body<const FUSED: bool>(
    weights: &[f32],
    gradients: &mut [f32],
    means: &Lanes,
    scale: f32,
) {
    let means = *means;
    for (weights, row) in weights.chunks_exact(LANES).zip(gradients.chunks_exact_mut(LANES)) {
        for ((gradient, weight), mean) in row.iter_mut().zip(weights).zip(means) {
            *gradient = scale * weight * (*gradient - mean);
        }
    }
}
