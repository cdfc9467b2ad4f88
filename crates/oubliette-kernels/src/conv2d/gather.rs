//! The convolution and its input's gradient: each position of the result gathers what its taps see.

use std::ops::Range;

use super::axis::Axis;
use super::image::{Images, Window};
use super::weights::depth_of;
use crate::buffer::{Parts, scratch};
use crate::engine::micro::{LANES, Left, Onto, ROWS, Run};
use crate::engine::product::tile;
use crate::engine::transpose::transpose;
use crate::parallel;

/// Positions of one task, about.
const POSITIONS: usize = 128;
/// Steps of the sum that are done before a tile is put down, about.
const DEPTH: usize = 288;

/// Everything that one pass over a batch needs.
pub(super) struct Gather<'a> {
    pub(super) source: Images<'a>,
    pub(super) samples: usize,
    /// Panels of the weight, see `Weights`, for these blocks of channels of the result.
    pub(super) panels: &'a [f32],
    pub(super) blocks: Range<usize>,
    /// Taps of the whole weight, and of one of its rows.
    pub(super) taps: (usize, usize),
    pub(super) bias: Option<&'a [f32]>,
    pub(super) y: Axis,
    pub(super) x: Axis,
    /// Channels, height and width of the result.
    pub(super) result: (usize, usize, usize),
}

/// The share of one task: samples, rows of positions, blocks of channels of the result.
struct Share {
    samples: Range<usize>,
    rows: Range<usize>,
    blocks: Range<usize>,
}

impl Gather<'_> {
    /// Runs the pass; every position of both axes is written in every sample and those channels of `out`.
    pub(super) fn run(&self, out: &mut [f32]) {
        let positions = self.y.count * self.x.count;
        if positions == 0 || self.result.0 == 0 {
            return;
        }
        let shares = self.shares();
        let parts = Parts::new(out);
        let cost =
            self.samples * positions * self.result.0 * (self.source.channels * self.taps.0).max(1);
        parallel::tasks(shares.len(), cost, |task| self.share(&shares[task], parts));
    }

    /// Cuts the work by its shape alone.
    fn shares(&self) -> Vec<Share> {
        let positions = self.y.count * self.x.count;
        let samples = (POSITIONS / positions).clamp(1, self.samples.max(1));
        let rows = (2 * POSITIONS).div_ceil(self.x.count).min(self.y.count);
        let pieces = self.samples.div_ceil(samples) * self.y.count.div_ceil(rows);
        let blocks_each = self.blocks.len().div_ceil(8usize.div_ceil(pieces.max(1)));
        let mut shares = Vec::new();
        for sample in (0..self.samples).step_by(samples) {
            for row in (0..self.y.count).step_by(rows) {
                for block in self.blocks.clone().step_by(blocks_each) {
                    shares.push(Share {
                        samples: sample..self.samples.min(sample + samples),
                        rows: row..self.y.count.min(row + rows),
                        blocks: block..self.blocks.end.min(block + blocks_each),
                    });
                }
            }
        }
        shares
    }

    fn window(&self, share: &Share) -> Window {
        Window {
            top: self.y.origin + (share.rows.start * self.y.stride) as isize + self.y.low(),
            left: self.x.origin + self.x.low(),
            rows: self.y.span(share.rows.len()),
            columns: self.x.span(self.x.count),
        }
    }

    fn share(&self, share: &Share, out: Parts) {
        let window = self.window(share);
        let size = self.source.block_len(window) * self.source.blocks();
        let positions = self.positions(share, window, size);
        let height = positions.len().next_multiple_of(ROWS);
        scratch(size * share.samples.len(), |image| {
            if size > 0 {
                for (image, sample) in image.chunks_exact_mut(size).zip(share.samples.clone()) {
                    self.source.copy(sample, window, image);
                }
            }
            scratch(2 * height * LANES, |tiles| {
                let (sums, turned) = tiles.split_at_mut(height * LANES);
                for block in share.blocks.clone() {
                    self.sum(image, window, &positions, block, sums);
                    transpose(sums, LANES, positions.len(), LANES, turned, positions.len());
                    self.put(share, block, turned, positions.len(), out);
                }
            });
        });
    }

    /// Where in the copied windows each position of a share begins.
    fn positions(&self, share: &Share, window: Window, size: usize) -> Vec<usize> {
        let pitch = self.source.pitch();
        let mut positions =
            Vec::with_capacity(share.samples.len() * share.rows.len() * self.x.count);
        for sample in 0..share.samples.len() {
            for row in 0..share.rows.len() {
                let start = sample * size + row * self.y.stride * window.columns * pitch;
                positions.extend((0..self.x.count).map(|x| start + x * self.x.stride * pitch));
            }
        }
        positions
    }

    /// The sums of one block of channels of the result, position after position.
    fn sum(
        &self,
        image: &[f32],
        window: Window,
        positions: &[usize],
        block: usize,
        sums: &mut [f32],
    ) {
        let depth = self.source.channels * self.taps.0;
        let panel = (block - self.blocks.start) * depth * LANES;
        let panel = &self.panels[panel..][..depth * LANES];
        self.start(block, sums);
        let together = (DEPTH / (LANES * self.taps.0)).max(1);
        for from in (0..self.source.blocks()).step_by(together) {
            let runs = self.runs(window, from..self.source.blocks().min(from + together));
            for (positions, sums) in positions.chunks(ROWS).zip(sums.chunks_exact_mut(ROWS * LANES))
            {
                let rows = std::array::from_fn(|m| positions[m.min(positions.len() - 1)]);
                let left = Left { data: image, rows, step: 1 };
                let width = LANES.min(self.result.0 - block * LANES).next_multiple_of(LANES / 2);
                tile(&left, panel, &runs, sums, LANES, ROWS, width, Onto::There);
            }
        }
    }

    fn start(&self, block: usize, sums: &mut [f32]) {
        let mut first = [0.0; LANES];
        if let Some(bias) = self.bias {
            let bias = &bias[block * LANES..self.result.0.min((block + 1) * LANES)];
            first[..bias.len()].copy_from_slice(bias);
        }
        sums.chunks_exact_mut(LANES).for_each(|row| row.copy_from_slice(&first));
    }

    /// The taps of some blocks of the source's channels, neighbours joined.
    fn runs(&self, window: Window, blocks: Range<usize>) -> Vec<Run> {
        let pitch = self.source.pitch();
        let mut runs: Vec<Run> = Vec::new();
        for block in blocks {
            let len = self.source.in_block(block);
            for ty in &self.y.taps {
                for tx in &self.x.taps {
                    let row = (ty.reach - self.y.low()) as usize;
                    let pixel = row * window.columns + (tx.reach - self.x.low()) as usize;
                    let tap = ty.index * self.taps.1 + tx.index;
                    join(
                        &mut runs,
                        Run {
                            a: block * self.source.block_len(window) + pixel * pitch,
                            b: depth_of(block, len, self.taps.0, tap) * LANES,
                            len,
                        },
                    );
                }
            }
        }
        runs
    }

    /// Copies one block of channels to where it belongs.
    fn put(&self, share: &Share, block: usize, turned: &[f32], positions: usize, out: Parts) {
        let (channels, height, width) = self.result;
        let each = share.rows.len() * self.x.count;
        for (i, sample) in share.samples.clone().enumerate() {
            for c in block * LANES..channels.min((block + 1) * LANES) {
                let from = &turned[(c - block * LANES) * positions + i * each..][..each];
                let plane = (sample * channels + c) * height * width;
                for (y, row) in share.rows.clone().zip(from.chunks_exact(self.x.count)) {
                    let start = plane + (self.y.first + y * self.y.step) * width;
                    // SAFETY: no other task of this pass has this row of this channel of this sample, and passes
                    // follow one another.
                    let out = unsafe { out.part(start, width) };
                    if self.x.step == 1 {
                        out[self.x.first..][..row.len()].copy_from_slice(row);
                    } else {
                        let out = out[self.x.first..].iter_mut().step_by(self.x.step);
                        out.zip(row).for_each(|(out, value)| *out = *value);
                    }
                }
            }
        }
    }
}

/// Adds a run, lengthening the last one where they touch. Only for runs with a step of one.
fn join(runs: &mut Vec<Run>, run: Run) {
    match runs.last_mut() {
        Some(last) if last.a + last.len == run.a && last.b + last.len * LANES == run.b => {
            last.len += run.len
        }
        _ => runs.push(run),
    }
}
