//! Attention forward: as many queries side by side as a panel has lanes, the keys a stretch at a time with a running maximum
//! (arXiv 2205.14135, algorithm 1), so that a stretch's scores stay in the first cache.
//!
//! Keys are rows of the first product and channels of the values rows of the second, so that scores come out as the panel that the
//! second one takes, and no lane is spent on padding a head's channels.

use super::heads::{Heads, Softmax, multiply};
use crate::buffer::{Parts, scratch, unwritten};
use crate::engine::micro::{LANES, Onto};
use crate::engine::panels::pack_columns;
use crate::engine::product::{DEPTH, Matrix, Sizes, product};
use crate::parallel;

/// The output, and the logarithm of each softmax's sum in the order batch, head, query.
pub(super) fn run(heads: &Heads, q: &[f32], k: &[f32], v: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let mut out = unwritten(q.len());
    let count = heads.batch * heads.heads;
    let mut logarithms = unwritten(count * heads.queries);
    let (out_parts, logarithm_parts) = (Parts::new(&mut out), Parts::new(&mut logarithms));
    // Few heads with many queries are cut further, so that there are tasks enough.
    let blocks = heads.queries.div_ceil(LANES);
    let blocks_each = blocks.div_ceil(8usize.div_ceil(count.max(1))).max(1);
    let pieces = blocks.div_ceil(blocks_each);
    parallel::tasks(count * pieces, heads.cost(), |task| {
        let (index, piece) = (task / pieces, task % pieces);
        let from = heads.key_start(index);
        let size = heads.keys * heads.dim;
        scratch(2 * size, |operands| {
            let (keys, values) = operands.split_at_mut(size);
            heads.gather(&k[from..], keys);
            heads.gather(&v[from..], values);
            let head = Head {
                heads,
                index,
                q,
                k: keys,
                values,
                out: out_parts,
                logarithms: logarithm_parts,
            };
            for block in piece * blocks_each..blocks.min((piece + 1) * blocks_each) {
                head.block(block * LANES);
            }
        });
    });
    (out, logarithms)
}

/// One head of one sample.
struct Head<'a> {
    heads: &'a Heads,
    index: usize,
    q: &'a [f32],
    /// The head's own, (keys, dim).
    k: &'a [f32],
    values: &'a [f32],
    out: Parts<'a>,
    logarithms: Parts<'a>,
}

impl Head<'_> {
    /// The queries from `from` on.
    fn block(&self, from: usize) {
        let heads = self.heads;
        let (dim, count) = (heads.dim, LANES.min(heads.queries - from));
        let start = heads.start(self.index) + from * heads.width;
        scratch((2 * dim + DEPTH) * LANES, |memory| {
            let (queries, rest) = memory.split_at_mut(dim * LANES);
            let (sums, scores) = rest.split_at_mut(dim * LANES);
            pack_columns(&self.q[start..], heads.width, dim, count, queries);
            let mut softmax = Softmax::new(heads.scale());
            let visible = heads.visible(from + count);
            for key in (0..visible).step_by(DEPTH) {
                let keys = DEPTH.min(visible - key);
                let scores = &mut scores[..keys * LANES];
                self.score(from, key, queries, scores);
                let shrink = softmax.add(scores);
                if key > 0 {
                    multiply(sums, &shrink);
                }
                let left = Matrix { data: &self.values[key * dim..], row: 1, step: dim };
                let sizes = Sizes { rows: dim, depth: keys, columns: LANES };
                product(left, scores, sizes, sums, LANES, Onto::Nothing.after(key));
            }
            // SAFETY: each block of each head has its own queries.
            let logarithms =
                unsafe { self.logarithms.part(self.index * heads.queries + from, count) };
            multiply(sums, &softmax.finish(logarithms));
            for lane in 0..count {
                // SAFETY: as above; the head's own part of its own query.
                let out = unsafe { self.out.part(start + lane * heads.width, dim) };
                out.iter_mut().zip(sums[lane..].iter().step_by(LANES)).for_each(|(o, s)| *o = *s);
            }
        });
    }

    /// The scores of a stretch of keys, which no query that is not to see them has.
    fn score(&self, from: usize, key: usize, queries: &[f32], scores: &mut [f32]) {
        let heads = self.heads;
        let left = Matrix { data: &self.k[key * heads.dim..], row: heads.dim, step: 1 };
        let sizes = Sizes { rows: scores.len() / LANES, depth: heads.dim, columns: LANES };
        product(left, queries, sizes, scores, LANES, Onto::Nothing);
        for (i, row) in scores.chunks_exact_mut(LANES).enumerate() {
            row[..heads.blind(key + i, from)].fill(f32::NEG_INFINITY);
        }
    }
}
