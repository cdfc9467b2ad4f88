//! The 3x3 convolution at stride one with sixteen products where four positions would take thirty-six: Winograd's
//! minimal filtering F(2x2, 3x3), as Lavin and Gray give it (arXiv 1509.09308, section 4.1).
//!
//! The image is cut into tiles of 2x2 positions. What a tile sees, 4x4 pixels, becomes sixteen *points*; so does every
//! kernel. At each point a product over the channels follows, for all tiles at once, and sixteen sums become the
//! tile's positions.

mod transform;

use std::ops::Range;

use super::image::{Images, Window};
use super::weights::Weights;
use crate::buffer::{Lent, Parts, scratch};
use crate::engine::micro::LANES;
use crate::engine::product::{Matrix, Sizes, product};
use crate::engine::transpose::transpose;
use crate::parallel;
pub(super) use transform::POINTS;

/// Tiles of one task, about.
const TILES: usize = 64;
/// With fewer tasks than this the channels of the result are shared out as well.
const TASKS: usize = 8;
/// Kernels of a weight whose points stay in a cache. More are read from memory, which a few tiles do not make up for.
const SMALL: usize = 1 << 16;

/// Everything that one pass over a batch needs.
pub(super) struct Winograd<'a> {
    pub(super) source: Images<'a>,
    pub(super) samples: usize,
    /// The kernels' points, see `kernels`.
    pub(super) kernels: &'a [f32],
    pub(super) bias: Option<&'a [f32]>,
    /// Zeros before the image, along both axes.
    pub(super) before: usize,
    /// Channels, height and width of the result.
    pub(super) result: (usize, usize, usize),
}

/// The share of one task: samples, rows of tiles, blocks of channels of the result.
struct Share {
    samples: Range<usize>,
    rows: Range<usize>,
    blocks: Range<usize>,
}

/// Whether a result of this size is made faster so. Does not ask for the batch, on which no bit may depend.
pub(super) fn pays(inputs: usize, outputs: usize, (height, width): (usize, usize)) -> bool {
    let tiles = height.div_ceil(2) * width.div_ceil(2);
    let few = if inputs * outputs <= SMALL { 4 } else { 48 };
    tiles >= few && inputs.min(outputs) >= LANES / 2
}

/// The points of a weight's kernels: for each point the panels of a matrix (inputs, outputs).
pub(super) fn kernels(weight: Weights<'_>) -> Lent {
    let size = (weight.inputs, weight.outputs);
    transform::kernels(size, false, |piece, panel| weight.forward_piece(piece, panel))
}

/// The same for the gradient of the input: (outputs, inputs), the kernels turned round.
pub(super) fn turned_kernels(weight: Weights<'_>) -> Lent {
    let size = (weight.outputs, weight.inputs);
    transform::kernels(size, true, |piece, panel| weight.backward_piece(piece, panel))
}

impl Winograd<'_> {
    /// Writes (samples, channels, height, width) of the result.
    pub(super) fn run(&self, out: &mut [f32]) {
        if out.is_empty() {
            return;
        }
        let shares = self.shares();
        let cost = out.len() * self.source.channels;
        let parts = Parts::new(out);
        parallel::tasks(shares.len(), cost, |task| self.share(&shares[task], parts));
    }

    /// Tiles down and across.
    fn tiles(&self) -> (usize, usize) {
        (self.result.1.div_ceil(2), self.result.2.div_ceil(2))
    }

    fn blocks(&self) -> usize {
        self.result.0.div_ceil(LANES)
    }

    /// Cuts the work by its shape alone.
    fn shares(&self) -> Vec<Share> {
        let (down, across) = self.tiles();
        let samples = (TILES / (down * across)).clamp(1, self.samples);
        let rows = TILES.div_ceil(across).min(down);
        let pieces = self.samples.div_ceil(samples) * down.div_ceil(rows);
        let blocks = self.blocks().div_ceil(TASKS.div_ceil(pieces));
        let mut shares = Vec::new();
        for sample in (0..self.samples).step_by(samples) {
            for row in (0..down).step_by(rows) {
                for block in (0..self.blocks()).step_by(blocks) {
                    shares.push(Share {
                        samples: sample..self.samples.min(sample + samples),
                        rows: row..down.min(row + rows),
                        blocks: block..self.blocks().min(block + blocks),
                    });
                }
            }
        }
        shares
    }

    fn share(&self, share: &Share, out: Parts) {
        let tiles = share.samples.len() * share.rows.len() * self.tiles().1;
        let depth = self.source.channels;
        let columns = share.blocks.len() * LANES;
        scratch(POINTS * tiles * depth, |seen| {
            self.see(share, tiles, seen);
            scratch(POINTS * tiles * columns, |sums| {
                let points = seen.chunks_exact(tiles * depth);
                for (point, (seen, sums)) in
                    points.zip(sums.chunks_exact_mut(tiles * columns)).enumerate()
                {
                    let panel = depth * LANES;
                    let first = (point * self.blocks() + share.blocks.start) * panel;
                    let kernels = &self.kernels[first..][..share.blocks.len() * panel];
                    let left = Matrix { data: seen, row: depth, step: 1 };
                    let sizes = Sizes { rows: tiles, depth, columns };
                    product(left, kernels, sizes, sums, columns, false);
                }
                self.put(share, tiles, sums, out);
            });
        });
    }

    /// The points of what every tile of a share sees: point after point, tile after tile, channels last.
    fn see(&self, share: &Share, tiles: usize, seen: &mut [f32]) {
        let across = self.tiles().1;
        let before = self.before as isize;
        let window = Window {
            top: 2 * share.rows.start as isize - before,
            left: -before,
            rows: 2 * share.rows.len() + 2,
            columns: 2 * across + 2,
        };
        let depth = self.source.channels;
        let row = window.columns * self.source.pitch();
        scratch(self.source.block_len(window) + 4 * row, |memory| {
            let (image, rows) = memory.split_at_mut(self.source.block_len(window));
            for (i, sample) in share.samples.clone().enumerate() {
                for block in 0..self.source.blocks() {
                    self.source.copy_block(sample, block, window, image, self.source.pitch());
                    for y in 0..share.rows.len() {
                        let pixels = &image[2 * y * row..][..4 * row];
                        let tile = (i * share.rows.len() + y) * across;
                        let to = transform::Points {
                            first: tile * depth + block * LANES,
                            tile: depth,
                            point: tiles * depth,
                            channels: self.source.in_block(block),
                        };
                        transform::pixels(pixels, self.source.pitch(), rows, &to, seen);
                    }
                }
            }
        });
    }

    /// Turns the sums of a share into positions, and copies them to where they belong.
    fn put(&self, share: &Share, tiles: usize, sums: &[f32], out: Parts) {
        let columns = share.blocks.len() * LANES;
        let positions = 4 * tiles;
        scratch(2 * positions * LANES, |memory| {
            let (values, turned) = memory.split_at_mut(positions * LANES);
            for (i, block) in share.blocks.clone().enumerate() {
                let from = transform::Points {
                    first: i * LANES,
                    tile: columns,
                    point: tiles * columns,
                    channels: LANES,
                };
                transform::positions(sums, &from, &self.bias(block), self.tiles().1, values);
                transpose(values, LANES, positions, LANES, turned, positions);
                self.copy(share, block, turned, positions, out);
            }
        });
    }

    fn bias(&self, block: usize) -> [f32; LANES] {
        let mut lanes = [0.0; LANES];
        if let Some(bias) = self.bias {
            let bias = &bias[block * LANES..self.result.0.min((block + 1) * LANES)];
            lanes[..bias.len()].copy_from_slice(bias);
        }
        lanes
    }

    fn copy(&self, share: &Share, block: usize, turned: &[f32], positions: usize, out: Parts) {
        let (channels, height, width) = self.result;
        let row = 2 * self.tiles().1;
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
