//! Attention backward: the weights are computed once more from the scores, a tile of queries at a time.

use super::heads::{Heads, softmax_gradient, weights};
use crate::buffer::{Parts, scratch, unwritten};
use crate::engine::micro::LANES;
use crate::engine::panels::{self, pack_columns, pack_rows};
use crate::engine::product::{Matrix, Sizes, product};
use crate::parallel;

/// What the backward reads; `v` only when q or k want a gradient.
pub(super) struct Operands<'a> {
    pub(super) q: &'a [f32],
    pub(super) k: &'a [f32],
    pub(super) v: Option<&'a [f32]>,
    pub(super) gradient: &'a [f32],
    pub(super) logarithms: &'a [f32],
}

/// The gradients of q, k and v that are wanted.
pub(super) fn run(heads: &Heads, operands: &Operands, wanted: [bool; 3]) -> [Option<Vec<f32>>; 3] {
    let lengths = [operands.q.len(), operands.k.len(), operands.k.len()];
    let mut gradients: [Option<Vec<f32>>; 3] =
        std::array::from_fn(|i| wanted[i].then(|| unwritten(lengths[i])));
    let parts = gradients.each_mut().map(|g| g.as_mut().map(|g| Parts::new(g)));
    parallel::tasks(heads.batch * heads.heads / heads.group, 4 * heads.cost(), |group| {
        Group { heads, operands, first: group * heads.group, parts }.run();
    });
    gradients
}

/// The heads of one sample that one head of the keys serves.
#[derive(Clone, Copy)]
struct Group<'a> {
    heads: &'a Heads,
    operands: &'a Operands<'a>,
    /// The first of them, counted over the batch.
    first: usize,
    parts: [Option<Parts<'a>>; 3],
}

/// One head of one sample.
struct Head<'a> {
    group: Group<'a>,
    index: usize,
}

/// The right operands that all tiles of a group share.
struct Shared<'a> {
    /// For the scores.
    k_columns: &'a [f32],
    /// For the gradient of q.
    k_rows: &'a [f32],
    /// For the gradient of the weights.
    v_columns: &'a [f32],
}

impl Group<'_> {
    fn run(self) {
        let heads = self.heads;
        let (keys, dim) = (heads.keys, heads.dim);
        let start = heads.key_start(self.first);
        let (k, v) = (&self.operands.k[start..], self.operands.v.map(|v| &v[start..]));
        let sizes = [panels::len(dim, keys), panels::len(keys, dim), panels::len(dim, keys)];
        let sums = keys.next_multiple_of(8) * dim.next_multiple_of(LANES);
        scratch(sizes.iter().sum::<usize>() + 2 * sums, |memory| {
            let (k_columns, rest) = memory.split_at_mut(sizes[0]);
            let (k_rows, rest) = rest.split_at_mut(sizes[1]);
            let (v_columns, rest) = rest.split_at_mut(sizes[2]);
            let (dk, dv) = rest.split_at_mut(sums);
            dk.fill(0.0);
            dv.fill(0.0);
            pack_columns(k, heads.key_width, dim, keys, k_columns);
            if self.parts[0].is_some() {
                pack_rows(k, heads.key_width, keys, dim, k_rows);
            }
            if let Some(v) = v {
                pack_columns(v, heads.key_width, dim, keys, v_columns);
            }
            let shared = Shared { k_columns, k_rows, v_columns };
            for index in self.first..self.first + heads.group {
                let head = Head { group: self, index };
                for from in (0..heads.queries).step_by(heads.together()) {
                    head.tile(from, heads.together().min(heads.queries - from), &shared, dk, dv);
                }
            }
            self.put(1, dk);
            self.put(2, dv);
        });
    }

    /// Puts down the gradient of k (1) or v (2).
    fn put(&self, which: usize, sums: &[f32]) {
        let Some(out) = self.parts[which] else { return };
        let dim = self.heads.dim;
        let start = self.heads.key_start(self.first);
        for (i, row) in
            sums.chunks_exact(dim.next_multiple_of(LANES)).take(self.heads.keys).enumerate()
        {
            // SAFETY: each group has its own part of each key.
            let out = unsafe { out.part(start + i * self.heads.key_width, dim) };
            out.copy_from_slice(&row[..dim]);
        }
    }
}

impl Head<'_> {
    /// Adds what `count` queries from `from` on say.
    fn tile(&self, from: usize, count: usize, shared: &Shared, dk: &mut [f32], dv: &mut [f32]) {
        let heads = self.group.heads;
        let (pitch, visible) = (heads.pitch(), heads.visible(from + count));
        let start = heads.start(self.index) + from * heads.width;
        let (q, gradient) =
            (&self.group.operands.q[start..], &self.group.operands.gradient[start..]);
        let of_tokens = |data| Matrix { data, row: heads.width, step: 1 };
        let scores = Sizes { rows: count, depth: heads.dim, columns: visible };
        let panel = panels::len(count, heads.dim);
        scratch(2 * count * pitch + panel, |memory| {
            let (probabilities, rest) = memory.split_at_mut(count * pitch);
            let (changes, panel) = rest.split_at_mut(count * pitch);
            product(of_tokens(q), shared.k_columns, scores, probabilities, pitch, false);
            self.weigh(from, visible, probabilities);
            if self.group.parts[2].is_some() {
                pack_rows(gradient, heads.width, count, heads.dim, panel);
                self.add_to_keys(probabilities, panel, count, visible, dv);
            }
            if self.group.parts[0].is_none() && self.group.parts[1].is_none() {
                return;
            }
            product(of_tokens(gradient), shared.v_columns, scores, changes, pitch, false);
            let rows = probabilities.chunks_exact(pitch).zip(changes.chunks_exact_mut(pitch));
            for (weights, changes) in rows {
                softmax_gradient(&weights[..visible], &mut changes[..visible], heads.scale());
            }
            if self.group.parts[1].is_some() {
                pack_rows(q, heads.width, count, heads.dim, panel);
                self.add_to_keys(changes, panel, count, visible, dk);
            }
            self.put_queries(changes, shared.k_rows, start, count, visible);
        });
    }

    /// From scores to weights.
    fn weigh(&self, from: usize, visible: usize, scores: &mut [f32]) {
        let first = self.index * self.group.heads.queries + from;
        for (i, row) in scores.chunks_exact_mut(self.group.heads.pitch()).enumerate() {
            let seen = self.group.heads.visible(from + i + 1);
            weights(
                &mut row[..seen],
                self.group.heads.scale(),
                self.group.operands.logarithms[first + i],
            );
            row[seen..visible].fill(0.0);
        }
    }

    /// Adds, for each key, the rows of `panel` times what the queries give it.
    fn add_to_keys(
        &self,
        by_query: &[f32],
        panel: &[f32],
        count: usize,
        visible: usize,
        sums: &mut [f32],
    ) {
        let left = Matrix { data: by_query, row: 1, step: self.group.heads.pitch() };
        let sizes = Sizes { rows: visible, depth: count, columns: self.group.heads.dim };
        product(left, panel, sizes, sums, self.group.heads.dim.next_multiple_of(LANES), true);
    }

    /// The gradient of some queries.
    fn put_queries(
        &self,
        changes: &[f32],
        k_rows: &[f32],
        start: usize,
        count: usize,
        visible: usize,
    ) {
        let Some(out) = self.group.parts[0] else { return };
        let (keys, dim) = (self.group.heads.keys, self.group.heads.dim);
        let wide = dim.next_multiple_of(LANES);
        let left = Matrix { data: changes, row: self.group.heads.pitch(), step: 1 };
        scratch(count * wide, |sums| {
            for (block, panel) in k_rows.chunks_exact(keys * LANES).enumerate() {
                let columns = LANES.min(dim - block * LANES);
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
            for (i, row) in sums.chunks_exact(wide).enumerate() {
                // SAFETY: each tile of each head has its own part of its own queries.
                let out = unsafe { out.part(start + i * self.group.heads.width, dim) };
                out.copy_from_slice(&row[..dim]);
            }
        });
    }
}
