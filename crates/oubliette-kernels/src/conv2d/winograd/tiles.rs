//! How a batch of images is cut into tiles, and what the tiles see.

use std::ops::Range;

use super::transform::{self, POINTS, Row, pitch};
use crate::buffer::{Lent, Parts, lent, scratch};
use crate::conv2d::image::{Images, Window};
use crate::engine::micro::LANES;
use crate::parallel;

/// Tiles of one share, about.
const TILES: usize = 64;
/// With fewer shares than this the channels of the result are shared out as well.
pub(super) const SHARES: usize = 8;

/// Images whose windows of 4x4 pixels belong to tiles of 2x2 positions of a result.
#[derive(Clone, Copy)]
pub(in crate::conv2d) struct Tiles<'a> {
    pub(in crate::conv2d) source: Images<'a>,
    pub(in crate::conv2d) samples: usize,
    /// Zeros before the image, along both axes.
    pub(in crate::conv2d) before: usize,
    /// Height and width of the result.
    pub(in crate::conv2d) result: (usize, usize),
}

/// The share of one task: samples, rows of tiles, blocks of channels of the result.
pub(super) struct Share {
    pub(super) samples: Range<usize>,
    pub(super) rows: Range<usize>,
    pub(super) blocks: Range<usize>,
}

/// What the tiles of some shares see: for each share point after point, tile after tile, channels last.
pub(super) struct Seen<'a> {
    pub(super) shares: &'a [Share],
    /// Where the points of each share begin, and after them where the last one's end.
    starts: Vec<usize>,
    points: Lent,
}

impl Seen<'_> {
    /// What the tiles of the share `at` see.
    pub(super) fn points(&self, at: usize) -> &[f32] {
        &self.points[self.starts[at]..self.starts[at + 1]]
    }
}

impl Tiles<'_> {
    pub(super) fn down(&self) -> usize {
        self.result.0.div_ceil(2)
    }

    pub(super) fn across(&self) -> usize {
        self.result.1.div_ceil(2)
    }

    /// All tiles.
    pub(super) fn all(&self) -> usize {
        self.samples * self.down() * self.across()
    }

    /// The tiles of a share.
    pub(super) fn of(&self, share: &Share) -> usize {
        share.samples.len() * share.rows.len() * self.across()
    }

    /// Cuts the work on some blocks of channels by its shape alone.
    pub(super) fn shares(&self, blocks: Range<usize>) -> Vec<Share> {
        let (down, across) = (self.down(), self.across());
        let samples = (TILES / (down * across)).clamp(1, self.samples.max(1));
        let rows = TILES.div_ceil(across).min(down);
        let pieces = self.samples.div_ceil(samples) * down.div_ceil(rows);
        let blocks_each = blocks.len().div_ceil(SHARES.div_ceil(pieces.max(1)));
        let mut shares = Vec::new();
        for sample in (0..self.samples).step_by(samples) {
            for row in (0..down).step_by(rows) {
                for block in blocks.clone().step_by(blocks_each) {
                    shares.push(Share {
                        samples: sample..self.samples.min(sample + samples),
                        rows: row..down.min(row + rows),
                        blocks: block..blocks.end.min(block + blocks_each),
                    });
                }
            }
        }
        shares
    }

    /// Cuts shares into groups of about so many tiles whose operands are laid out together.
    pub(super) fn together<'a>(
        &self,
        shares: &'a [Share],
        tiles: usize,
    ) -> impl Iterator<Item = &'a [Share]> {
        let most = shares.iter().map(|share| self.of(share)).max().unwrap_or(1);
        shares.chunks((tiles / most.max(1)).max(1))
    }

    /// The points of what every tile of some shares sees.
    pub(super) fn see_all<'a>(&self, shares: &'a [Share]) -> Seen<'a> {
        let mut starts = vec![0];
        for share in shares {
            starts.push(starts[starts.len() - 1] + self.seen(self.of(share)));
        }
        let mut points = lent(starts[shares.len()]);
        let (cost, parts) = (points.len(), Parts::new(&mut points));
        parallel::tasks(shares.len(), cost, |task| {
            // SAFETY: each task has its own share's stretch.
            let seen = unsafe { parts.part(starts[task], starts[task + 1] - starts[task]) };
            self.see(&shares[task], seen);
        });
        Seen { shares, starts, points }
    }

    /// Values of the points of what some tiles see.
    pub(super) fn seen(&self, tiles: usize) -> usize {
        POINTS * pitch(tiles * self.source.channels)
    }

    /// The points of what every tile of a share sees: point after point, tile after tile, channels last.
    pub(super) fn see(&self, share: &Share, seen: &mut [f32]) {
        let before = self.before as isize;
        let window = Window {
            top: 2 * share.rows.start as isize - before,
            left: -before,
            rows: 2 * share.rows.len() + 2,
            columns: 2 * self.across() + 2,
        };
        let depth = self.source.channels;
        let (pixel, point) = (self.source.pitch(), pitch(self.of(share) * depth));
        let row = window.columns * pixel;
        debug_assert_eq!(seen.len(), self.seen(self.of(share)));
        scratch(self.source.block_len(window) + 4 * row, |memory| {
            let (image, half) = memory.split_at_mut(self.source.block_len(window));
            for (i, sample) in share.samples.clone().enumerate() {
                for block in 0..self.source.blocks() {
                    self.source.copy_block(sample, block, window, image, pixel);
                    for y in 0..share.rows.len() {
                        let tile = (i * share.rows.len() + y) * self.across();
                        let to = Row { first: tile * depth + block * LANES, tile: depth, point };
                        let (pixels, channels) =
                            (&image[2 * y * row..][..4 * row], self.source.in_block(block));
                        transform::pixels(pixels, pixel, channels, half, &to, seen);
                    }
                }
            }
        });
    }
}
