//! Many kernels: the points of some tiles are made once, tasks share out the columns, and the points of a kernel are made where they
//! are used and kept nowhere.

use std::ops::Range;

use super::pass::Pass;
use super::tiles::{Seen, Share};
use super::transform::{POINTS, pitch};
use crate::buffer::{Parts, scratch};
use crate::conv2d::weights::blocks_of;
use crate::engine::micro::{LANES, Onto};
use crate::engine::product::{DEPTH, Matrix, Sizes, product};
use crate::parallel;

/// Values of the points of tiles that are held at a time, about.
const TOGETHER: usize = 1 << 22;
/// Columns of one task.
pub(super) const COLUMNS: usize = 2 * LANES;

impl Pass<'_> {
    /// Writes the result.
    pub(super) fn by_columns(&self, out: &mut [f32]) {
        let (depth, channels) = self.kernels.size();
        let cost = out.len() * depth;
        let parts = Parts::new(out);
        for shares in self.tiles.together(&self.tiles.shares(0..1), TOGETHER / (POINTS * depth)) {
            let seen = self.tiles.see_all(shares);
            parallel::tasks(channels.div_ceil(COLUMNS), cost, |task| {
                let columns = task * COLUMNS..channels.min((task + 1) * COLUMNS);
                self.columns(columns, &seen, parts);
            });
        }
    }

    /// Some columns of the result at all tiles that are seen.
    fn columns(&self, columns: Range<usize>, seen: &Seen, out: Parts) {
        let (depth, wide) = (self.kernels.size().0, columns.len().next_multiple_of(LANES));
        let size = |share: &Share| POINTS * pitch(self.tiles.of(share) * wide);
        let sizes: Vec<usize> = seen.shares.iter().map(size).collect();
        let most = POINTS * pitch(DEPTH.min(depth) * wide);
        scratch(sizes.iter().sum::<usize>() + most, |memory| {
            let (points, mut rest) = memory.split_at_mut(most);
            let mut sums = Vec::with_capacity(sizes.len());
            for &size in &sizes {
                let (own, others) = rest.split_at_mut(size);
                sums.push(own);
                rest = others;
            }
            for from in (0..depth).step_by(DEPTH) {
                let some = from..depth.min(from + DEPTH);
                let points = &mut points[..POINTS * pitch(some.len() * wide)];
                self.kernels.points_of(some.clone(), columns.clone(), points);
                for (at, sums) in sums.iter_mut().enumerate() {
                    let tiles = self.tiles.of(&seen.shares[at]);
                    let sizes = Sizes { rows: tiles, depth: some.len(), columns: wide };
                    self.multiply(seen.points(at), points, from, sizes, sums);
                }
            }
            for (share, sums) in seen.shares.iter().zip(sums) {
                let (samples, rows) = (share.samples.clone(), share.rows.clone());
                let share = Share { samples, rows, blocks: blocks_of(&columns) };
                self.put(&share, sums, out);
            }
        });
    }

    /// At every point of some tiles, what they see of some channels, the first of them `from`, times the kernels there. The first
    /// channels begin the sums, the others add to them: pieces of `DEPTH` channels are those that a product has anyway.
    fn multiply(&self, seen: &[f32], kernels: &[f32], from: usize, sizes: Sizes, sums: &mut [f32]) {
        let depth = self.kernels.size().0;
        let seen = seen.chunks_exact(pitch(sizes.rows * depth));
        let kernels = kernels.chunks_exact(pitch(sizes.depth * sizes.columns));
        let sums = sums.chunks_exact_mut(pitch(sizes.rows * sizes.columns));
        for ((seen, kernels), sums) in seen.zip(kernels).zip(sums) {
            let left = Matrix { data: &seen[from..], row: depth, step: 1 };
            product(left, kernels, sizes, sums, sizes.columns, Onto::Nothing.after(from));
        }
    }
}
