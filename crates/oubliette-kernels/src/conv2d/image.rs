//! Pieces of images with their channels last, in blocks, and zeros around.

use crate::engine::micro::LANES;
use crate::engine::transpose::transpose;

/// A batch of images (n, channels, height, width) in the order of its axes.
#[derive(Clone, Copy)]
pub(super) struct Images<'a> {
    pub(super) data: &'a [f32],
    pub(super) channels: usize,
    pub(super) height: usize,
    pub(super) width: usize,
}

/// A rectangle of a sample; it may reach outside the image, where there are zeros.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) top: isize,
    pub(super) left: isize,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl Images<'_> {
    /// Channels of one block, side by side in a pixel.
    pub(super) fn pitch(&self) -> usize {
        self.channels.min(LANES)
    }

    /// Blocks of channels.
    pub(super) fn blocks(&self) -> usize {
        self.channels.div_ceil(LANES)
    }

    /// Channels in block `block`.
    pub(super) fn in_block(&self, block: usize) -> usize {
        LANES.min(self.channels - block * LANES)
    }

    /// Values of one block of a window.
    pub(super) fn block_len(&self, window: Window) -> usize {
        window.rows * window.columns * self.pitch()
    }

    /// Copies a window of a sample to `into`: block after block, pixel after pixel, channels last.
    pub(super) fn copy(&self, sample: usize, window: Window, into: &mut [f32]) {
        let size = self.block_len(window);
        for block in 0..self.blocks() {
            self.copy_block(sample, block, window, &mut into[block * size..][..size], self.pitch());
        }
    }

    /// Copies one block with pixels `pitch` apart; lanes beyond the channels get zeros.
    pub(super) fn copy_block(
        &self,
        sample: usize,
        block: usize,
        window: Window,
        into: &mut [f32],
        pitch: usize,
    ) {
        let channels = self.in_block(block);
        let plane = self.height * self.width;
        let data =
            &self.data[(sample * self.channels + block * LANES) * plane..][..channels * plane];
        if channels < pitch {
            into.fill(0.0);
        }
        let from = window.left.clamp(0, self.width as isize) as usize;
        let until = (window.left + window.columns as isize)
            .clamp(from as isize, self.width as isize) as usize;
        if window.left == 0 && window.columns == self.width && window.top >= 0 {
            let top = self.height.min(window.top as usize);
            let whole = window.rows.min(self.height - top);
            let (inside, below) = into.split_at_mut(whole * self.width * pitch);
            let data = &data[top * self.width..];
            transpose(data, plane, channels, whole * self.width, inside, pitch);
            return below.fill(0.0);
        }
        for (row, into) in into.chunks_exact_mut(window.columns * pitch).enumerate() {
            let y = window.top + row as isize;
            if y < 0 || y >= self.height as isize || from == until {
                into.fill(0.0);
                continue;
            }
            let skipped = (from as isize - window.left) as usize * pitch;
            let (left, rest) = into.split_at_mut(skipped);
            let (inside, right) = rest.split_at_mut((until - from) * pitch);
            left.fill(0.0);
            right.fill(0.0);
            transpose(
                &data[y as usize * self.width + from..],
                plane,
                channels,
                until - from,
                inside,
                pitch,
            );
        }
    }
}
