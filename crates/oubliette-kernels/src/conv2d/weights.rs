//! Weights of a convolution as panels, and back.

use crate::buffer::{Parts, unwritten};
use crate::engine::micro::LANES;
use crate::parallel;

/// A weight (out, in, kh, kw); `taps` is `kh * kw`.
#[derive(Clone, Copy)]
pub(super) struct Weights<'a> {
    pub(super) data: &'a [f32],
    pub(super) outputs: usize,
    pub(super) inputs: usize,
    pub(super) taps: usize,
}

impl Weights<'_> {
    /// Panels whose columns are the outputs. The summed axis runs over blocks of inputs, then taps, then the
    /// inputs of the block.
    pub(super) fn forward(&self) -> Vec<f32> {
        let (row, taps) = (self.inputs * self.taps, self.taps);
        panels(
            self.inputs,
            self.outputs,
            taps,
            |input, output, tap| output * row + input * taps + tap,
            self.data,
        )
    }

    /// Panels whose columns are the inputs; the summed axis runs over blocks of outputs, then taps.
    pub(super) fn backward(&self) -> Vec<f32> {
        let (row, taps) = (self.inputs * self.taps, self.taps);
        panels(
            self.outputs,
            self.inputs,
            taps,
            |output, input, tap| output * row + input * taps + tap,
            self.data,
        )
    }
}

/// Where the steps of a block of channels and a tap begin on the summed axis.
pub(super) fn depth_of(block: usize, in_block: usize, taps: usize, tap: usize) -> usize {
    block * LANES * taps + tap * in_block
}

fn panels(
    summed: usize,
    columns: usize,
    taps: usize,
    at: impl Fn(usize, usize, usize) -> usize + Sync + Send,
    data: &[f32],
) -> Vec<f32> {
    let size = summed * taps * LANES;
    let mut panels = unwritten(columns.div_ceil(LANES) * size);
    if size == 0 {
        return panels;
    }
    // One task for each block of columns and block of the summed channels.
    let parts = Parts::new(&mut panels);
    let blocks = summed.div_ceil(LANES);
    parallel::tasks(columns.div_ceil(LANES) * blocks, columns * summed * taps, |task| {
        let (from, block) = (task / blocks * LANES, task % blocks);
        let width = LANES.min(columns - from);
        let channels = LANES.min(summed - block * LANES);
        let start = task / blocks * size + block * LANES * taps * LANES;
        // SAFETY: each task has its own block of one panel.
        let panel = unsafe { parts.part(start, channels * taps * LANES) };
        if width < LANES {
            panel.fill(0.0);
        }
        for tap in 0..taps {
            for c in 0..channels {
                let row = &mut panel[(tap * channels + c) * LANES..][..width];
                for (j, value) in row.iter_mut().enumerate() {
                    *value = data[at(block * LANES + c, from + j, tap)];
                }
            }
        }
    });
    panels
}
