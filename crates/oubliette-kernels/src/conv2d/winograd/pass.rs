//! The convolution, and the gradient of its input.
//!
//! Of tiles and kernels one has more points than a cache holds, and is read again and again. With many tiles the kernels' points are
//! made once and the tiles shared out; with many kernels it is the other way round.

use super::by_columns::COLUMNS;
use super::kernels::Kernels;
use super::tiles::{SHARES, Share, Tiles};
use super::transform::{self, Row, pitch};
use crate::buffer::{Parts, scratch};
use crate::engine::micro::LANES;
use crate::engine::transpose::transpose;

/// Tiles for every column of the result up to which the columns are shared out, measured on the shapes of Stable Diffusion 1.4.
const TILES_A_COLUMN: usize = 2;

/// Everything that one pass over a batch needs.
pub(in crate::conv2d) struct Pass<'a> {
    pub(in crate::conv2d) tiles: Tiles<'a>,
    pub(in crate::conv2d) kernels: Kernels<'a>,
    pub(in crate::conv2d) bias: Option<&'a [f32]>,
}

impl Pass<'_> {
    /// Writes (samples, channels, height, width) of the result. Neither way changes a bit.
    pub(in crate::conv2d) fn run(&self, out: &mut [f32]) {
        if out.is_empty() {
            return;
        }
        let channels = self.kernels.size().1;
        let tasks = channels.div_ceil(COLUMNS);
        if tasks >= SHARES && self.tiles.all() <= TILES_A_COLUMN * channels {
            self.by_columns(out);
        } else {
            self.by_tiles(out);
        }
    }

    /// Turns the sums of a share into positions, and copies them to where they belong.
    pub(super) fn put(&self, share: &Share, sums: &[f32], out: Parts) {
        let tiles = self.tiles.of(share);
        let columns = share.blocks.len() * LANES;
        let positions = 4 * tiles;
        scratch(2 * positions * LANES, |memory| {
            let (values, turned) = memory.split_at_mut(positions * LANES);
            for (i, block) in share.blocks.clone().enumerate() {
                let from = Row { first: i * LANES, tile: columns, point: pitch(tiles * columns) };
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
