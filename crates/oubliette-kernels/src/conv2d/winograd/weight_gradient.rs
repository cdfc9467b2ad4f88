//! The gradient of the weight: at each point, what the tiles saw times what their positions want.

use super::kernels::{self, TAPS};
use super::tiles::{Share, Tiles};
use super::transform::{self, POINTS, Row, pitch};
use crate::buffer::{Parts, scratch, unwritten};
use crate::conv2d::image::{Images, Window};
use crate::conv2d::weights::pieces;
use crate::engine::micro::{LANES, Onto};
use crate::engine::product::{Matrix, Sizes, product};
use crate::engine::transpose::transpose;
use crate::parallel;

/// Values of both operands that are laid out at a time, about.
const TOGETHER: usize = 1 << 20;

/// The input, cut into tiles of the output, and the output's gradient.
pub(in crate::conv2d) struct WeightGradient<'a> {
    pub(in crate::conv2d) tiles: Tiles<'a>,
    pub(in crate::conv2d) output: Images<'a>,
}

impl WeightGradient<'_> {
    /// The gradient (out, in, 3, 3).
    pub(in crate::conv2d) fn run(&self) -> Vec<f32> {
        let (depth, blocks) = (self.tiles.source.channels, self.output.blocks());
        let size = depth * LANES;
        let mut sums = vec![0.0; POINTS * blocks * size];
        let shares = self.tiles.shares(0..1);
        let tiles = TOGETHER / (POINTS * (depth + blocks * LANES));
        for shares in self.tiles.together(&shares, tiles) {
            let starts = self.starts(shares);
            let laid_out = self.lay_out(shares, &starts);
            let cost = starts[shares.len()] * size;
            parallel::chunks(&mut sums, size, cost, |task, sums| {
                let (point, block) = (task / blocks, task % blocks);
                for (share, start) in shares.iter().zip(&starts) {
                    let tiles = self.tiles.of(share);
                    let (seen, wanted) = laid_out[*start..].split_at(self.tiles.seen(tiles));
                    let seen = &seen[point * pitch(tiles * depth)..];
                    let wanted = &wanted[point * pitch(blocks * tiles * LANES)..];
                    let wanted = &wanted[block * tiles * LANES..];
                    let left = Matrix { data: seen, row: 1, step: depth };
                    let sizes = Sizes { rows: depth, depth: tiles, columns: LANES };
                    product(left, &wanted[..tiles * LANES], sizes, sums, LANES, Onto::There);
                }
            });
        }
        self.in_order(&sums)
    }

    /// Where the operands of each share begin, and where the last one ends.
    fn starts(&self, shares: &[Share]) -> Vec<usize> {
        let mut starts = vec![0];
        for share in shares {
            let tiles = self.tiles.of(share);
            let wanted = POINTS * pitch(self.output.blocks() * tiles * LANES);
            starts.push(starts[starts.len() - 1] + self.tiles.seen(tiles) + wanted);
        }
        starts
    }

    /// For each share what its tiles see, then what their positions want as panels.
    fn lay_out(&self, shares: &[Share], starts: &[usize]) -> Vec<f32> {
        let mut memory = unwritten(starts[shares.len()]);
        let cost = memory.len();
        let parts = Parts::new(&mut memory);
        parallel::tasks(shares.len(), cost, |task| {
            let share = &shares[task];
            // SAFETY: each task has its own share's stretch.
            let part = unsafe { parts.part(starts[task], starts[task + 1] - starts[task]) };
            let (seen, wanted) = part.split_at_mut(self.tiles.seen(self.tiles.of(share)));
            self.tiles.see(share, seen);
            self.want(share, wanted);
        });
        memory
    }

    /// The points of what the positions of every tile want: point after point, block after block, tile after tile.
    fn want(&self, share: &Share, wanted: &mut [f32]) {
        let across = self.tiles.across();
        let window = Window {
            top: 2 * share.rows.start as isize,
            left: 0,
            rows: 2 * share.rows.len(),
            columns: 2 * across,
        };
        let size = self.tiles.of(share) * LANES;
        let row = window.columns * LANES;
        scratch(window.rows * row, |image| {
            for (i, sample) in share.samples.clone().enumerate() {
                for block in 0..self.output.blocks() {
                    self.output.copy_block(sample, block, window, image, LANES);
                    for y in 0..share.rows.len() {
                        let to = Row {
                            first: block * size + (i * share.rows.len() + y) * across * LANES,
                            tile: LANES,
                            point: pitch(self.output.blocks() * size),
                        };
                        transform::wants(&image[2 * y * row..][..2 * row], &to, wanted);
                    }
                }
            }
        });
    }

    /// From the sums at the points, (point, block of outputs, input, output), to (output, input, tap).
    fn in_order(&self, sums: &[f32]) -> Vec<f32> {
        let (inputs, outputs) = (self.tiles.source.channels, self.output.channels);
        let mut ordered = unwritten(outputs * inputs * TAPS);
        let parts = Parts::new(&mut ordered);
        let (blocks, size) = (self.output.blocks(), inputs * LANES);
        pieces(inputs, 0..outputs, sums.len(), |block, piece| {
            let depth = piece.channels * TAPS;
            scratch(2 * depth * LANES, |memory| {
                let (taps, turned) = memory.split_at_mut(depth * LANES);
                let from = Row {
                    first: block * size + piece.channel * LANES,
                    tile: LANES,
                    point: blocks * size,
                };
                kernels::taps(sums, &from, taps);
                transpose(taps, LANES, depth, LANES, turned, depth);
                for (o, row) in turned.chunks_exact(depth).take(piece.width).enumerate() {
                    let start = ((piece.column + o) * inputs + piece.channel) * TAPS;
                    // SAFETY: each task has its own inputs of its own outputs.
                    unsafe { parts.part(start, depth) }.copy_from_slice(row);
                }
            });
        });
        ordered
    }
}
