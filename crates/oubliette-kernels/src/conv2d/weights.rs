//! Weights of a convolution as panels, and back.

use std::ops::Range;

use crate::buffer::{Lent, Parts, lent, scratch};
use crate::engine::micro::LANES;
use crate::engine::transpose::transpose;
use crate::parallel;

/// Values of a weight's panels that are held at a time, about: those of a large weight are many times a cache.
const TOGETHER: usize = 1 << 23;

/// Cuts the columns of a weight into ranges whose panels are held together; `size` values make the panel of one block of them.
pub(super) fn held(columns: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    let together = (TOGETHER / size.max(1)).max(1) * LANES;
    (0..columns).step_by(together).map(move |first| first..columns.min(first + together))
}

/// The blocks of a range of columns that begins where a block does.
pub(super) fn blocks_of(columns: &Range<usize>) -> Range<usize> {
    columns.start / LANES..columns.end.div_ceil(LANES)
}

/// A weight (out, in, kh, kw); `taps` is `kh * kw`.
#[derive(Clone, Copy)]
pub(super) struct Weights<'a> {
    pub(super) data: &'a [f32],
    pub(super) outputs: usize,
    pub(super) inputs: usize,
    pub(super) taps: usize,
}

/// A block of the summed channels in a block of columns.
pub(super) struct Piece {
    /// The first column.
    pub(super) column: usize,
    /// How many columns.
    pub(super) width: usize,
    /// The first summed channel.
    pub(super) channel: usize,
    /// How many of them.
    pub(super) channels: usize,
}

impl Weights<'_> {
    /// Panels of some of the outputs. The summed axis runs over blocks of inputs, then taps, then the
    /// inputs of the block.
    pub(super) fn forward(&self, outputs: Range<usize>) -> Lent {
        self.panels(self.inputs, outputs, |piece, panel| self.forward_piece(piece, panel))
    }

    /// Panels of some of the inputs; the summed axis runs over blocks of outputs, then taps.
    pub(super) fn backward(&self, inputs: Range<usize>) -> Lent {
        self.panels(self.outputs, inputs, |piece, panel| self.backward_piece(piece, panel))
    }

    /// One piece of `forward`.
    pub(super) fn forward_piece(&self, piece: &Piece, panel: &mut [f32]) {
        let &Piece { column, width, channel, channels } = piece;
        let (row, taps) = (self.inputs * self.taps, self.taps);
        let source = &self.data[column * row + channel * taps..];
        clear(width, panel);
        scratch(channels * taps * LANES, |turned| {
            transpose(source, row, width, channels * taps, turned, LANES);
            for (i, row) in turned.chunks_exact(LANES).enumerate() {
                let (c, tap) = (i / taps, i % taps);
                panel[(tap * channels + c) * LANES..][..width].copy_from_slice(&row[..width]);
            }
        });
    }

    /// One piece of `backward`.
    pub(super) fn backward_piece(&self, piece: &Piece, panel: &mut [f32]) {
        let &Piece { column, width, channel, channels } = piece;
        let (row, taps) = (self.inputs * self.taps, self.taps);
        clear(width, panel);
        for c in 0..channels {
            let source = &self.data[(channel + c) * row + column * taps..];
            transpose(source, taps, width, taps, &mut panel[c * LANES..], channels * LANES);
        }
    }

    /// One task for each piece, which `fill` gets with its part of the panel.
    fn panels(
        &self,
        summed: usize,
        columns: Range<usize>,
        fill: impl Fn(&Piece, &mut [f32]) + Sync + Send,
    ) -> Lent {
        let size = summed * self.taps * LANES;
        let mut panels = lent(columns.len().div_ceil(LANES) * size);
        if size == 0 {
            return panels;
        }
        let parts = Parts::new(&mut panels);
        pieces(summed, columns, self.data.len(), |block, piece| {
            let Piece { channel, channels, .. } = *piece;
            let start = block * size + depth_of(channel / LANES, channels, self.taps, 0) * LANES;
            // SAFETY: each task has its own block of one panel.
            let panel = unsafe { parts.part(start, channels * self.taps * LANES) };
            fill(piece, panel);
        });
        panels
    }
}

/// Calls `work` for every piece of some columns of a matrix, with the number of its block among them.
pub(super) fn pieces(
    summed: usize,
    columns: Range<usize>,
    cost: usize,
    work: impl Fn(usize, &Piece) + Sync + Send,
) {
    let blocks = summed.div_ceil(LANES);
    parallel::tasks(columns.len().div_ceil(LANES) * blocks, cost, |task| {
        let (column, channel) = (columns.start + task / blocks * LANES, task % blocks * LANES);
        let piece = Piece {
            column,
            width: LANES.min(columns.end - column),
            channel,
            channels: LANES.min(summed - channel),
        };
        work(task / blocks, &piece);
    });
}

/// Lanes beyond the last column hold zeros.
fn clear(width: usize, panel: &mut [f32]) {
    if width < LANES {
        panel.fill(0.0);
    }
}

/// Where the steps of a block of channels and a tap begin on the summed axis.
pub(super) fn depth_of(block: usize, in_block: usize, taps: usize, tap: usize) -> usize {
    block * LANES * taps + tap * in_block
}
