//! Attention backward: the weights are computed once more from the scores, for as many queries as a panel has lanes at a time.
//!
//! As in the forward queries are lanes and keys are rows, so that weights and their gradients are the panel that the gradient of the
//! queries takes, and lie as rows for the gradients of keys and values.

use super::heads::{Heads, add_products, change, weights};
use crate::buffer::{Parts, scratch, unwritten};
use crate::engine::micro::{LANES, Onto};
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
    /// Keys and values of the group, (keys, dim).
    k: &'a [f32],
    v: &'a [f32],
}

/// What the queries give keys and values, (keys, [`Heads::lanes`]).
struct Sums<'a> {
    k: &'a mut [f32],
    v: &'a mut [f32],
}

impl Group<'_> {
    fn run(self) {
        let heads = self.heads;
        let start = heads.key_start(self.first);
        let size = heads.keys * heads.dim;
        let sums = heads.keys * heads.lanes();
        scratch(2 * (size + sums), |memory| {
            let (k, rest) = memory.split_at_mut(size);
            let (v, rest) = rest.split_at_mut(size);
            rest.fill(0.0);
            let (dk, dv) = rest.split_at_mut(sums);
            heads.gather(&self.operands.k[start..], k);
            if let Some(values) = self.operands.v {
                heads.gather(&values[start..], v);
            }
            let mut sums = Sums { k: dk, v: dv };
            for index in self.first..self.first + heads.group {
                let head = Head { group: self, index, k, v };
                for from in (0..heads.queries).step_by(LANES) {
                    head.block(from, &mut sums);
                }
            }
            self.put(1, sums.k);
            self.put(2, sums.v);
        });
    }

    /// Puts down the gradient of k (1) or v (2).
    fn put(&self, which: usize, sums: &[f32]) {
        let Some(out) = self.parts[which] else { return };
        let (heads, start) = (self.heads, self.heads.key_start(self.first));
        for (i, row) in sums.chunks_exact(heads.lanes()).enumerate() {
            // SAFETY: each group has its own part of each key.
            let out = unsafe { out.part(start + i * heads.key_width, heads.dim) };
            out.copy_from_slice(&row[..heads.dim]);
        }
    }
}

impl Head<'_> {
    /// The gradient of the queries from `from` on, and what they add to those of keys and values.
    fn block(&self, from: usize, sums: &mut Sums) {
        let Group { heads, operands, parts, .. } = self.group;
        let count = LANES.min(heads.queries - from);
        let visible = heads.visible(from + count);
        let start = heads.start(self.index) + from * heads.width;
        let (q, gradient) = (&operands.q[start..], &operands.gradient[start..]);
        let size = visible * LANES;
        scratch(2 * size + heads.dim * LANES, |memory| {
            let (weights, rest) = memory.split_at_mut(size);
            let (changes, turned) = rest.split_at_mut(size);
            self.by_keys(self.k, q, count, turned, weights);
            self.weigh(from, count, weights);
            if parts[2].is_some() {
                self.add_to_keys(weights, gradient, count, sums.v);
            }
            if parts[0].is_none() && parts[1].is_none() {
                return;
            }
            self.by_keys(self.v, gradient, count, turned, changes);
            let mut means = [0.0; LANES];
            add_products(weights, changes, &mut means);
            change(weights, changes, &means, heads.scale());
            if parts[1].is_some() {
                self.add_to_keys(changes, q, count, sums.k);
            }
            self.put_queries(changes, start, count, turned);
        });
    }

    /// Rows of `keys` times some of the queries' rows, which are turned for it: as many rows as `out` has.
    fn by_keys(
        &self,
        keys: &[f32],
        of_queries: &[f32],
        count: usize,
        turned: &mut [f32],
        out: &mut [f32],
    ) {
        let Heads { dim, width, .. } = *self.group.heads;
        pack_columns(of_queries, width, dim, count, turned);
        let left = Matrix { data: keys, row: dim, step: 1 };
        let sizes = Sizes { rows: out.len() / LANES, depth: dim, columns: LANES };
        product(left, turned, sizes, out, LANES, Onto::Nothing);
    }

    /// From scores to weights; keys that a query must not see have none.
    fn weigh(&self, from: usize, count: usize, scores: &mut [f32]) {
        let heads = self.group.heads;
        let first = self.index * heads.queries + from;
        let mut logarithms = [0.0; LANES];
        logarithms[..count].copy_from_slice(&self.group.operands.logarithms[first..][..count]);
        weights(scores, heads.scale(), &logarithms);
        for (key, row) in scores.chunks_exact_mut(LANES).enumerate() {
            row[..heads.blind(key, from)].fill(0.0);
        }
    }

    /// Adds, for each key, the queries' rows times what it has of them.
    fn add_to_keys(&self, of_keys: &[f32], of_queries: &[f32], count: usize, sums: &mut [f32]) {
        let heads = self.group.heads;
        scratch(panels::len(count, heads.dim), |panel| {
            pack_rows(of_queries, heads.width, count, heads.dim, panel);
            let left = Matrix { data: of_keys, row: LANES, step: 1 };
            let rows = of_keys.len() / LANES;
            let sizes = Sizes { rows, depth: count, columns: heads.lanes() };
            product(left, panel, sizes, sums, heads.lanes(), Onto::There);
        });
    }

    /// The gradient of some queries.
    fn put_queries(&self, changes: &[f32], start: usize, count: usize, sums: &mut [f32]) {
        let Some(out) = self.group.parts[0] else { return };
        let Heads { dim, width, .. } = *self.group.heads;
        let left = Matrix { data: self.k, row: 1, step: dim };
        let sizes = Sizes { rows: dim, depth: changes.len() / LANES, columns: LANES };
        product(left, changes, sizes, sums, LANES, Onto::Nothing);
        for lane in 0..count {
            // SAFETY: each block of each head has its own part of its own queries.
            let out = unsafe { out.part(start + lane * width, dim) };
            out.iter_mut().zip(sums[lane..].iter().step_by(LANES)).for_each(|(o, s)| *o = *s);
        }
    }
}
