//! The gradient of a convolution's weight: for each tap, what the inputs saw times what the outputs want.

use super::axis::Axis;
use super::image::{Images, Window};
use crate::buffer::{Parts, scratch, unwritten};
use crate::engine::micro::{LANES, Left, Onto, ROWS, Run};
use crate::engine::product::tile;
use crate::engine::transpose::transpose;
use crate::parallel;

/// Steps of the sum that are done before a tile is put down, about.
const DEPTH: usize = 128;
/// Values of both operands that are laid out at a time, about.
const TOGETHER: usize = 1 << 22;

/// The input, the output's gradient and how the one reaches into the other.
pub(super) struct WeightGradient<'a> {
    pub(super) input: Images<'a>,
    pub(super) output: Images<'a>,
    pub(super) samples: usize,
    pub(super) y: Axis,
    pub(super) x: Axis,
}

impl WeightGradient<'_> {
    /// The gradient (out, in, kh, kw).
    pub(super) fn run(&self) -> Vec<f32> {
        let tile = self.x.taps.len() * LANES * LANES;
        let tasks = self.input.blocks() * self.output.blocks() * self.y.taps.len();
        let mut sums = vec![0.0; tasks * tile];
        let window = self.window();
        let sizes = (self.input.block_len(window) * self.input.blocks(), self.pixels() * LANES);
        let together = (TOGETHER / (sizes.0 + sizes.1 * self.output.blocks()).max(1)).max(1);
        for from in (0..self.samples).step_by(together) {
            let samples = from..self.samples.min(from + together);
            let input = self.lay_out_input(samples.clone(), window, sizes.0);
            let output = self.lay_out_output(samples.clone());
            let runs = self.runs(samples.len(), window, sizes.0);
            let cost = samples.len() * self.pixels() * sums.len();
            parallel::chunks(&mut sums, tile, cost, |task, sums| {
                let (block, row) = (task / self.y.taps.len(), task % self.y.taps.len());
                let (i, o) = (block / self.output.blocks(), block % self.output.blocks());
                let panel = &output[o * samples.len() * sizes.1..][..samples.len() * sizes.1];
                self.add(
                    &input[i * self.input.block_len(window)..],
                    panel,
                    &runs,
                    window,
                    (i, row),
                    sums,
                );
            });
        }
        self.in_order(&sums)
    }

    fn pixels(&self) -> usize {
        self.output.height * self.output.width
    }

    fn window(&self) -> Window {
        Window {
            top: self.y.origin,
            left: self.x.origin,
            rows: self.y.span(self.y.count),
            columns: self.x.span(self.x.count),
        }
    }

    fn lay_out_input(
        &self,
        samples: std::ops::Range<usize>,
        window: Window,
        size: usize,
    ) -> Vec<f32> {
        let mut input = unwritten(samples.len() * size);
        if size > 0 {
            let cost = input.len();
            parallel::chunks(&mut input, size, cost, |i, into| {
                self.input.copy(samples.start + i, window, into)
            });
        }
        input
    }

    /// Panels of the output's gradient: block after block, sample after sample, pixel after pixel.
    fn lay_out_output(&self, samples: std::ops::Range<usize>) -> Vec<f32> {
        let size = self.pixels() * LANES;
        let blocks = self.output.blocks();
        let mut output = unwritten(samples.len() * blocks * size);
        let window =
            Window { top: 0, left: 0, rows: self.output.height, columns: self.output.width };
        if size > 0 {
            let cost = output.len();
            parallel::chunks(&mut output, size, cost, |i, into| {
                let sample = samples.start + i % samples.len();
                self.output.copy_block(sample, i / samples.len(), window, into, LANES);
            });
        }
        output
    }

    /// The pixels of some samples, in groups of about `DEPTH`.
    fn runs(&self, samples: usize, window: Window, size: usize) -> Vec<Vec<Run>> {
        let row = self.y.stride * window.columns * self.input.pitch();
        let mut groups = vec![Vec::new()];
        let mut steps = 0;
        for sample in 0..samples {
            for y in 0..self.y.count {
                if steps >= DEPTH {
                    groups.push(Vec::new());
                    steps = 0;
                }
                let b = (sample * self.pixels() + y * self.x.count) * LANES;
                let run = Run { a: sample * size + y * row, b, len: self.x.count };
                self.join(groups.last_mut().expect("there is always a group"), run);
                steps += self.x.count;
            }
        }
        groups
    }

    /// Adds a run, lengthening the last one where they touch.
    fn join(&self, runs: &mut Vec<Run>, run: Run) {
        let step = self.x.stride * self.input.pitch();
        match runs.last_mut() {
            Some(last)
                if last.a + last.len * step == run.a && last.b + last.len * LANES == run.b =>
            {
                last.len += run.len;
            }
            _ => runs.push(run),
        }
    }

    /// Adds to the sums of one row of taps, one block of inputs and one block of outputs.
    fn add(
        &self,
        input: &[f32],
        panel: &[f32],
        runs: &[Vec<Run>],
        window: Window,
        (block, row): (usize, usize),
        sums: &mut [f32],
    ) {
        let pitch = self.input.pitch();
        let channels = self.input.in_block(block);
        for runs in runs {
            for (column, sums) in sums.chunks_exact_mut(LANES * LANES).enumerate() {
                let tap = (row * window.columns + column) * pitch;
                for (c, sums) in
                    (0..channels).step_by(ROWS).zip(sums.chunks_exact_mut(ROWS * LANES))
                {
                    let rows = std::array::from_fn(|m| tap + (c + m).min(channels - 1));
                    let left = Left { data: input, rows, step: self.x.stride * pitch };
                    tile(&left, panel, runs, sums, LANES, ROWS, LANES, Onto::There);
                }
            }
        }
    }

    /// From (block of inputs, block of outputs, tap, input, output) to (output, input, tap).
    fn in_order(&self, sums: &[f32]) -> Vec<f32> {
        let taps = self.y.taps.len() * self.x.taps.len();
        let inputs = self.input.channels;
        let mut ordered = unwritten(self.output.channels * inputs * taps);
        if inputs * taps == 0 {
            return ordered;
        }
        let parts = Parts::new(&mut ordered);
        let (depth, blocks) = (taps * LANES, self.output.blocks());
        parallel::tasks(blocks * self.input.blocks(), sums.len(), |task| {
            let (i, o) = (task / blocks, task % blocks);
            let channels = self.input.in_block(i);
            scratch(LANES * depth, |turned| {
                transpose(&sums[task * depth * LANES..], LANES, depth, LANES, turned, depth);
                for (o, row) in turned.chunks_exact(depth).take(self.output.in_block(o)).enumerate()
                {
                    let start = ((task % blocks) * LANES + o) * inputs + i * LANES;
                    // SAFETY: each task has its own block of inputs of its own outputs.
                    let ordered = unsafe { parts.part(start * taps, channels * taps) };
                    transpose(row, LANES, taps, channels, ordered, taps);
                }
            });
        });
        ordered
    }
}
