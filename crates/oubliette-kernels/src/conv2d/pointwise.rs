//! The 1x1 convolution: a matrix product at every pixel, in the layout that images come in.

use crate::buffer::{Parts, scratch};
use crate::engine::micro::LANES;
use crate::engine::product::{Matrix, Sizes, product};
use crate::parallel;

/// Pixels of one task, about.
const TOGETHER: usize = 256;

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
        let parts = Parts::new(out);
        parallel::tasks(samples.div_ceil(samples_each) * pieces, cost, |task| {
            let from = task / pieces * samples_each;
            let pixel = task % pieces * TOGETHER;
            let samples = from..samples.min(from + samples_each);
            self.part(samples, pixel..self.pixels.min(pixel + TOGETHER), parts);
        });
    }

    fn part(&self, samples: std::ops::Range<usize>, pixels: std::ops::Range<usize>, out: Parts) {
        let (each, pitch) = (pixels.len(), (samples.len() * pixels.len()).next_multiple_of(LANES));
        scratch((self.channels + self.outputs) * pitch, |memory| {
            let (panels, sums) = memory.split_at_mut(self.channels * pitch);
            for (i, sample) in samples.clone().enumerate() {
                self.pack(sample, pixels.clone(), i * each, panels);
            }
            for (o, row) in sums.chunks_exact_mut(pitch).enumerate() {
                row.fill(self.bias.map_or(0.0, |bias| bias[o]));
            }
            let sizes = Sizes { rows: self.outputs, depth: self.channels, columns: pitch };
            product(self.left, panels, sizes, sums, pitch, true);
            for (i, sample) in samples.enumerate() {
                for (o, row) in sums.chunks_exact(pitch).enumerate() {
                    let start = (sample * self.outputs + o) * self.pixels + pixels.start;
                    // SAFETY: each task has its own pixels of its own samples.
                    let out = unsafe { out.part(start, each) };
                    out.copy_from_slice(&row[i * each..][..each]);
                }
            }
        });
    }

    /// Copies some pixels of a sample to columns `column ..` of the panels.
    fn pack(
        &self,
        sample: usize,
        pixels: std::ops::Range<usize>,
        column: usize,
        panels: &mut [f32],
    ) {
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
