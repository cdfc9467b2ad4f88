//! Many tiles: the points of the kernels are made once, and tasks share out the tiles.

use std::ops::Range;

use super::pass::Pass;
use super::tiles::Share;
use super::transform::{POINTS, pitch};
use crate::buffer::{Parts, scratch};
use crate::conv2d::weights::{blocks_of, held};
use crate::engine::micro::{LANES, Onto};
use crate::engine::product::{Matrix, Sizes, product};
use crate::parallel;

/// The points of the kernels of some blocks of channels of the result.
struct Held<'a> {
    points: &'a [f32],
    pitch: usize,
    blocks: Range<usize>,
}

impl Pass<'_> {
    /// Writes the result.
    pub(super) fn by_tiles(&self, out: &mut [f32]) {
        let (depth, channels) = self.kernels.size();
        let cost = out.len() * depth;
        let parts = Parts::new(out);
        for columns in held(channels, POINTS * depth * LANES) {
            let blocks = blocks_of(&columns);
            let pitch = pitch(blocks.len() * depth * LANES);
            let held = Held { points: &self.kernels.points(columns), pitch, blocks };
            let shares = self.tiles.shares(held.blocks.clone());
            parallel::tasks(shares.len(), cost, |task| self.share(&shares[task], &held, parts));
        }
    }

    fn share(&self, share: &Share, held: &Held, out: Parts) {
        let tiles = self.tiles.of(share);
        let depth = self.tiles.source.channels;
        let columns = share.blocks.len() * LANES;
        let (seen_pitch, pitch) = (pitch(tiles * depth), pitch(tiles * columns));
        scratch(POINTS * seen_pitch, |seen| {
            self.tiles.see(share, seen);
            scratch(POINTS * pitch, |sums| {
                let points = seen.chunks_exact(seen_pitch);
                for (point, (seen, sums)) in points.zip(sums.chunks_exact_mut(pitch)).enumerate() {
                    let panel = depth * LANES;
                    let block = share.blocks.start - held.blocks.start;
                    let start = point * held.pitch + block * panel;
                    let kernels = &held.points[start..][..share.blocks.len() * panel];
                    let left = Matrix { data: seen, row: depth, step: 1 };
                    let sizes = Sizes { rows: tiles, depth, columns };
                    product(left, kernels, sizes, sums, columns, Onto::Nothing);
                }
                self.put(share, sums, out);
            });
        });
    }
}
