//! How positions of a result reach into a source along one axis.

/// One position of the result for each `i < count`, at coordinate `first + step * i`. Through a tap it sees the
/// source at `origin + stride * i + tap.reach`; outside the source it sees zero.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) count: usize,
    pub(super) first: usize,
    pub(super) step: usize,
    pub(super) stride: usize,
    pub(super) origin: isize,
    pub(super) taps: Vec<Tap>,
}

/// One element of the kernel along an axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tap {
    /// Its index in the weight.
    pub(super) index: usize,
    /// How far beyond the position's origin it looks.
    pub(super) reach: isize,
}

impl Axis {
    /// The convolution itself: `count` positions, `stride` apart in the source.
    pub(super) fn forward(count: usize, kernel: usize, stride: usize, before: usize) -> Self {
        let taps = (0..kernel).map(|index| Tap { index, reach: index as isize }).collect();
        Self { count, first: 0, step: 1, stride, origin: -(before as isize), taps }
    }

    /// The gradient of the input, of `length` coordinates, from that of the output.
    ///
    /// Coordinate `y` sees output `(y + before - tap) / stride` for the taps that make this whole. So coordinates
    /// fall into `stride` classes, each of which sees its own taps at distances of one.
    pub(super) fn backward(
        length: usize,
        kernel: usize,
        stride: usize,
        before: usize,
    ) -> Vec<Self> {
        (0..stride)
            .map(|rest| {
                let first = (rest + stride - before % stride) % stride;
                let taps = (rest..kernel).step_by(stride).enumerate();
                Self {
                    count: length.saturating_sub(first).div_ceil(stride),
                    first,
                    step: stride,
                    stride: 1,
                    origin: ((first + before - rest) / stride) as isize,
                    taps: taps.map(|(t, index)| Tap { index, reach: -(t as isize) }).collect(),
                }
            })
            .collect()
    }

    /// The smallest reach.
    pub(super) fn low(&self) -> isize {
        self.taps.iter().map(|tap| tap.reach).min().unwrap_or(0)
    }

    /// How many coordinates of the source `count` positions in a row see, the unseen between them included.
    pub(super) fn span(&self, count: usize) -> usize {
        let high = self.taps.iter().map(|tap| tap.reach).max().unwrap_or(0);
        count.saturating_sub(1) * self.stride + (high - self.low()) as usize + 1
    }
}
