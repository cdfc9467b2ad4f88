//! Weights of a convolution as panels, and back.

use crate::buffer::{Parts, scratch, unwritten};
use crate::engine::micro::LANES;
use crate::engine::transpose::transpose;
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
        self.panels(self.inputs, self.outputs, |from, width, block, channels, panel| {
            let source = &self.data[from * row + block * LANES * taps..];
            scratch(channels * taps * LANES, |turned| {
                transpose(source, row, width, channels * taps, turned, LANES);
                for (i, row) in turned.chunks_exact(LANES).enumerate() {
                    let (c, tap) = (i / taps, i % taps);
                    panel[(tap * channels + c) * LANES..][..width].copy_from_slice(&row[..width]);
                }
            });
        })
    }

    /// Panels whose columns are the inputs; the summed axis runs over blocks of outputs, then taps.
    pub(super) fn backward(&self) -> Vec<f32> {
        let (row, taps) = (self.inputs * self.taps, self.taps);
        self.panels(self.outputs, self.inputs, |from, width, block, channels, panel| {
            for c in 0..channels {
                let source = &self.data[(block * LANES + c) * row + from * taps..];
                transpose(source, taps, width, taps, &mut panel[c * LANES..], channels * LANES);
            }
        })
    }

    /// One task for each block of columns and each block of the summed channels: `fill` gets the first column, how
    /// many there are, the block, its channels, and its part of the panel.
    fn panels(
        &self,
        summed: usize,
        columns: usize,
        fill: impl Fn(usize, usize, usize, usize, &mut [f32]) + Sync + Send,
    ) -> Vec<f32> {
        let size = summed * self.taps * LANES;
        let mut panels = unwritten(columns.div_ceil(LANES) * size);
        if size == 0 {
            return panels;
        }
        let parts = Parts::new(&mut panels);
        let blocks = summed.div_ceil(LANES);
        parallel::tasks(columns.div_ceil(LANES) * blocks, self.data.len(), |task| {
            let (column, block) = (task / blocks, task % blocks);
            let width = LANES.min(columns - column * LANES);
            let channels = LANES.min(summed - block * LANES);
            let start = column * size + depth_of(block, channels, self.taps, 0) * LANES;
            // SAFETY: each task has its own block of one panel.
            let panel = unsafe { parts.part(start, channels * self.taps * LANES) };
            if width < LANES {
                panel.fill(0.0);
            }
            fill(column * LANES, width, block, channels, panel);
        });
        panels
    }
}

/// Where the steps of a block of channels and a tap begin on the summed axis.
pub(super) fn depth_of(block: usize, in_block: usize, taps: usize, tap: usize) -> usize {
    block * LANES * taps + tap * in_block
}
