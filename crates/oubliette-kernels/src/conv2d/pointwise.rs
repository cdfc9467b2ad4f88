//! The 1x1 convolution: a matrix product at every pixel, in the layout that images come in.

use std::ops::Range;

use crate::buffer::{Parts, scratch};
use crate::engine::micro::{LANES, Onto};
use crate::engine::product::{Matrix, Sizes, product};
use crate::parallel;

/// Pixels of one task, about.
const TOGETHER: usize = 256;
/// Tasks that are worth sharing out: with fewer of pixels, the outputs are shared out, too.
const SHARES: usize = 8;
/// The fewest outputs of a task, each of which lays out its pixels anew.
const OUTPUTS: usize = 128;

/// `out[n] = left * source[n] + bias` for every sample.
pub(super) struct Pointwise<'a> {
    /// (samples, `channels`, `pixels`).
    pub(super) source: &'a [f32],
    pub(super) channels: usize,
    pub(super) pixels: usize,
    /// (`outputs`, `channels`).
    pub(super) left: Matrix<'a>,
    pub(super) outputs: usize,
    pub(super) bias: Option<&'a [f32]>,
}

impl Pointwise<'_> {
    /// Writes (samples, outputs, pixels).
    pub(super) fn run(&self, samples: usize, out: &mut [f32]) {
        let cost = out.len() * self.channels.max(1);
        if out.is_empty() {
            return;
        }
        // Several small samples or a part of a large one.
        let samples_each = (TOGETHER / self.pixels).clamp(1, samples);
        let pieces = self.pixels.div_ceil(TOGETHER);
        let places = samples.div_ceil(samples_each) * pieces;
        let each = self.outputs.div_ceil(SHARES.div_ceil(places)).max(OUTPUTS);
        let parts = Parts::new(out);
        parallel::tasks(places * self.outputs.div_ceil(each), cost, |task| {
            let (place, output) = (task % places, task / places * each);
            let (from, pixel) = (place / pieces * samples_each, place % pieces * TOGETHER);
            let samples = from..samples.min(from + samples_each);
            let pixels = pixel..self.pixels.min(pixel + TOGETHER);
            self.part(samples, pixels, output..self.outputs.min(output + each), parts);
        });
    }

    fn part(&self, samples: Range<usize>, pixels: Range<usize>, outputs: Range<usize>, out: Parts) {
        let (each, pitch) = (pixels.len(), (samples.len() * pixels.len()).next_multiple_of(LANES));
        scratch((self.channels + outputs.len()) * pitch, |memory| {
            let (panels, sums) = memory.split_at_mut(self.channels * pitch);
            for (i, sample) in samples.clone().enumerate() {
                self.pack(sample, pixels.clone(), i * each, panels);
            }
            for (o, row) in sums.chunks_exact_mut(pitch).enumerate() {
                row.fill(self.bias.map_or(0.0, |bias| bias[outputs.start + o]));
            }
            let sizes = Sizes { rows: outputs.len(), depth: self.channels, columns: pitch };
            // Of no channels the left operand is empty, and the sums are what they began at.
            if let Some(data) = self.left.data.get(outputs.start * self.left.row..) {
                product(Matrix { data, ..self.left }, panels, sizes, sums, pitch, Onto::There);
            }
            for (i, sample) in samples.enumerate() {
                for (row, o) in sums.chunks_exact(pitch).zip(outputs.clone()) {
                    let start = (sample * self.outputs + o) * self.pixels + pixels.start;
                    // SAFETY: each task has its own outputs at its own pixels of its own samples.
                    let out = unsafe { out.part(start, each) };
                    out.copy_from_slice(&row[i * each..][..each]);
                }
            }
        });
    }

    /// Copies some pixels of a sample to columns `column ..` of the panels.
    fn pack(&self, sample: usize, pixels: Range<usize>, column: usize, panels: &mut [f32]) {
        let size = self.channels * LANES;
        for c in 0..self.channels {
            let row = &self.source[(sample * self.channels + c) * self.pixels..][pixels.clone()];
            let (mut row, mut at) = (row, column);
            while !row.is_empty() {
                let (now, later) = row.split_at(row.len().min(LANES - at % LANES));
                let start = at / LANES * size + c * LANES + at % LANES;
                panels[start..][..now.len()].copy_from_slice(now);
                (row, at) = (later, at + now.len());
            }
        }
    }
}
