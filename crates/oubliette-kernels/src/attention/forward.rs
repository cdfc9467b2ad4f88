//! Attention forward: a tile of queries at a time, one head after the other.

use super::heads::{Heads, exponentials};
use crate::buffer::{Parts, scratch, unwritten};
use crate::engine::micro::LANES;
use crate::engine::panels::{self, pack_columns, pack_rows};
use crate::engine::product::{Matrix, Sizes, product};
use crate::parallel;

/// The output, and the logarithm of each softmax's sum in the order batch, head, query.
pub(super) fn run(heads: &Heads, q: &[f32], k: &[f32], v: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let mut out = unwritten(q.len());
    let count = heads.batch * heads.heads;
    let mut logarithms = unwritten(count * heads.queries);
    let (out_parts, logarithm_parts) = (Parts::new(&mut out), Parts::new(&mut logarithms));
    // Few heads with many queries are cut further, so that there are tasks enough.
    let tiles = heads.queries.div_ceil(heads.together());
    let tiles_each = tiles.div_ceil(8usize.div_ceil(count.max(1))).max(1);
    let pieces = tiles.div_ceil(tiles_each);
    parallel::tasks(count * pieces, heads.cost(), |task| {
        let (index, piece) = (task / pieces, task % pieces);
        let head = Head { heads, index, q, out: out_parts, logarithms: logarithm_parts };
        let from = heads.key_start(index);
        let (keys, dim) = (heads.keys, heads.dim);
        scratch(panels::len(dim, keys) + panels::len(keys, dim), |operands| {
            let (k_panels, v_panels) = operands.split_at_mut(panels::len(dim, keys));
            pack_columns(&k[from..], heads.key_width, dim, keys, k_panels);
            pack_rows(&v[from..], heads.key_width, keys, dim, v_panels);
            for tile in piece * tiles_each..tiles.min((piece + 1) * tiles_each) {
                let from = tile * heads.together();
                head.tile(from, heads.together().min(heads.queries - from), k_panels, v_panels);
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
    out: Parts<'a>,
    logarithms: Parts<'a>,
}

impl Head<'_> {
    /// `count` queries from `from` on.
    fn tile(&self, from: usize, count: usize, k_panels: &[f32], v_panels: &[f32]) {
        let heads = self.heads;
        let (pitch, wide) = (heads.pitch(), heads.dim.next_multiple_of(LANES));
        let start = heads.start(self.index) + from * heads.width;
        // SAFETY: each tile of each head has its own queries.
        let logarithms = unsafe { self.logarithms.part(self.index * heads.queries + from, count) };
        scratch(count * (pitch + wide), |memory| {
            let (scores, sums) = memory.split_at_mut(count * pitch);
            let left = Matrix { data: &self.q[start..], row: heads.width, step: 1 };
            let visible = heads.visible(from + count);
            let sizes = Sizes { rows: count, depth: heads.dim, columns: visible };
            product(left, k_panels, sizes, scores, pitch, false);
            let mut factors = [0.0; 64];
            for (i, row) in scores.chunks_exact_mut(pitch).enumerate() {
                let seen = heads.visible(from + i + 1);
                let (largest, sum) = exponentials(&mut row[..seen], heads.scale());
                row[seen..visible].fill(0.0);
                factors[i] = sum.recip();
                logarithms[i] = heads.scale() * largest + sum.ln();
            }
            self.weigh(scores, v_panels, visible, count, sums);
            for (i, row) in sums.chunks_exact(wide).enumerate() {
                // SAFETY: as above; the head's own part of its own query.
                let out = unsafe { self.out.part(start + i * heads.width, heads.dim) };
                out.iter_mut().zip(row).for_each(|(out, sum)| *out = sum * factors[i]);
            }
        });
    }

    /// Multiplies the exponentials with the values of the keys that are seen.
    fn weigh(
        &self,
        scores: &[f32],
        v_panels: &[f32],
        visible: usize,
        count: usize,
        sums: &mut [f32],
    ) {
        let (keys, wide) = (self.heads.keys, self.heads.dim.next_multiple_of(LANES));
        let left = Matrix { data: scores, row: self.heads.pitch(), step: 1 };
        for (block, panel) in v_panels.chunks_exact(keys * LANES).enumerate() {
            let columns = LANES.min(self.heads.dim - block * LANES);
            let sizes = Sizes { rows: count, depth: visible, columns };
            product(
                left,
                &panel[..visible * LANES],
                sizes,
                &mut sums[block * LANES..],
                wide,
                false,
            );
        }
    }
}
