//! The convolution, and the gradient of its input.

use std::ops::Range;

use super::kernels::Kernels;
use super::tiles::{Share, Tiles};
use super::transform::{self, POINTS, Row};
use crate::buffer::{Parts, scratch};
use crate::conv2d::weights::{blocks_of, held};
use crate::engine::micro::LANES;
use crate::engine::product::{Matrix, Sizes, product};
use crate::engine::transpose::transpose;
use crate::parallel;

/// Everything that one pass over a batch needs.
pub(in crate::conv2d) struct Pass<'a> {
    pub(in crate::conv2d) tiles: Tiles<'a>,
    pub(in crate::conv2d) kernels: Kernels<'a>,
    pub(in crate::conv2d) bias: Option<&'a [f32]>,
}

/// The points of the kernels of some blocks of channels of the result.
struct Held<'a> {
    points: &'a [f32],
    blocks: Range<usize>,
}

impl Pass<'_> {
    /// Writes (samples, channels, height, width) of the result.
    pub(in crate::conv2d) fn run(&self, out: &mut [f32]) {
        if out.is_empty() {
            return;
        }
        let (depth, channels) = self.kernels.size();
        let cost = out.len() * depth;
        let parts = Parts::new(out);
        for columns in held(channels, POINTS * depth * LANES) {
            let blocks = blocks_of(&columns);
            let held = Held { points: &self.kernels.points(columns), blocks };
            let shares = self.tiles.shares(held.blocks.clone());
            parallel::tasks(shares.len(), cost, |task| self.share(&shares[task], &held, parts));
        }
    }

    fn share(&self, share: &Share, held: &Held, out: Parts) {
        let tiles = self.tiles.of(share);
        let depth = self.tiles.source.channels;
        let columns = share.blocks.len() * LANES;
        scratch(POINTS * tiles * depth, |seen| {
            self.tiles.see(share, seen);
            scratch(POINTS * tiles * columns, |sums| {
                let points = seen.chunks_exact(tiles * depth);
                for (point, (seen, sums)) in
                    points.zip(sums.chunks_exact_mut(tiles * columns)).enumerate()
                {
                    let panel = depth * LANES;
                    let block = point * held.blocks.len() + share.blocks.start - held.blocks.start;
                    let kernels = &held.points[block * panel..][..share.blocks.len() * panel];
                    let left = Matrix { data: seen, row: depth, step: 1 };
                    let sizes = Sizes { rows: tiles, depth, columns };
                    product(left, kernels, sizes, sums, columns, false);
                }
                self.put(share, sums, out);
            });
        });
    }

    /// Turns the sums of a share into positions, and copies them to where they belong.
    fn put(&self, share: &Share, sums: &[f32], out: Parts) {
        let tiles = self.tiles.of(share);
        let columns = share.blocks.len() * LANES;
        let positions = 4 * tiles;
        scratch(2 * positions * LANES, |memory| {
            let (values, turned) = memory.split_at_mut(positions * LANES);
            for (i, block) in share.blocks.clone().enumerate() {
                let from = Row { first: i * LANES, tile: columns, point: tiles * columns };
                transform::positions(sums, &from, &self.bias(block), self.tiles.across(), values);
                transpose(values, LANES, positions, LANES, turned, positions);
                self.copy(share, block, turned, positions, out);
            }
        });
    }

    fn bias(&self, block: usize) -> [f32; LANES] {
        let mut lanes = [0.0; LANES];
        if let Some(bias) = self.bias {
            let bias = &bias[block * LANES..self.kernels.size().1.min((block + 1) * LANES)];
            lanes[..bias.len()].copy_from_slice(bias);
        }
        lanes
    }

    fn copy(&self, share: &Share, block: usize, turned: &[f32], positions: usize, out: Parts) {
        let (channels, (height, width)) = (self.kernels.size().1, self.tiles.result);
        let row = 2 * self.tiles.across();
        let rows = 2 * share.rows.start..height.min(2 * share.rows.end);
        for (i, sample) in share.samples.clone().enumerate() {
            for c in block * LANES..channels.min((block + 1) * LANES) {
                let from = (c - block * LANES) * positions + i * 2 * share.rows.len() * row;
                let start = (sample * channels + c) * height * width + rows.start * width;
                // SAFETY: no other task has these rows of this channel of this sample.
                let out = unsafe { out.part(start, rows.len() * width) };
                for (out, from) in out.chunks_exact_mut(width).zip(turned[from..].chunks(row)) {
                    out.copy_from_slice(&from[..width]);
                }
            }
        }
    }
}
