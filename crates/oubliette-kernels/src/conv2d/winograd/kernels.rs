//! The transformations of kernels, in each lane that of one channel of the result: `G g G'`, and `G' m G` for the
//! gradient.

use std::ops::Range;

use super::transform::{Lanes, POINTS, Row, lanes, pitch};
use crate::buffer::{Lent, Parts, lent, scratch};
use crate::conv2d::weights::{Piece, Weights, pieces};
use crate::engine::level::for_each_level;
use crate::engine::micro::LANES;

/// Elements of a kernel.
pub(super) const TAPS: usize = 9;

/// The kernels of a weight as a matrix whose columns are channels of the result.
#[derive(Clone, Copy)]
pub(in crate::conv2d) struct Kernels<'a> {
    pub(in crate::conv2d) weight: Weights<'a>,
    /// For the gradient of the input: from outputs to inputs, each kernel turned by half a turn.
    pub(in crate::conv2d) turned: bool,
}

impl Kernels<'_> {
    /// Channels that are summed, and those of the result.
    pub(super) fn size(&self) -> (usize, usize) {
        let Weights { outputs, inputs, .. } = self.weight;
        if self.turned { (outputs, inputs) } else { (inputs, outputs) }
    }

    /// The points of some columns: for each point the panels of a matrix of the summed channels and these.
    pub(super) fn points(&self, columns: Range<usize>) -> Lent {
        let (summed, blocks) = (self.size().0, columns.len().div_ceil(LANES));
        let size = summed * LANES;
        let pitch = pitch(blocks * size);
        let mut points = lent(POINTS * pitch);
        let parts = Parts::new(&mut points);
        pieces(summed, columns, POINTS * pitch, |block, piece| {
            let mut into = std::array::from_fn(|point| {
                let start = point * pitch + block * size + piece.channel * LANES;
                // SAFETY: each task has its own channels of its own block of every point.
                unsafe { parts.part(start, piece.channels * LANES) }
            });
            self.piece_points(piece, &mut into);
        });
        points
    }

    /// The same for some of the summed channels, on this thread, into memory for as many.
    pub(super) fn points_of(
        &self,
        channels: Range<usize>,
        columns: Range<usize>,
        points: &mut [f32],
    ) {
        let size = channels.len() * LANES;
        for (block, column) in columns.clone().step_by(LANES).enumerate() {
            let width = LANES.min(columns.end - column);
            for channel in channels.clone().step_by(LANES) {
                let piece =
                    Piece { column, width, channel, channels: LANES.min(channels.end - channel) };
                let from = (channel - channels.start) * LANES;
                let blocks = columns.len().div_ceil(LANES);
                let mut each = points.chunks_exact_mut(pitch(blocks * size));
                let mut into = std::array::from_fn(|_| {
                    let point = each.next().expect("memory for every point");
                    &mut point[block * size + from..][..piece.channels * LANES]
                });
                self.piece_points(&piece, &mut into);
            }
        }
    }

    fn piece_points(&self, piece: &Piece, into: &mut [&mut [f32]; POINTS]) {
        scratch(TAPS * piece.channels * LANES, |taps| {
            match self.turned {
                false => self.weight.forward_piece(piece, taps),
                true => self.weight.backward_piece(piece, taps),
            }
            kernel_points(taps, piece.channels, self.turned, into);
        });
    }
}

for_each_level! {
    fn kernel_points(panel: &[f32], channels: usize, turned: bool, into: &mut [&mut [f32]; POINTS]) = kernel_points_body
}

/// `G g G'`, in each lane the kernel of one channel of the result.
#[inline(always)]
fn kernel_points_body<const FUSED: bool>(
    panel: &[f32],
    channels: usize,
    turned: bool,
    into: &mut [&mut [f32]; POINTS],
) {
    for c in 0..channels {
        let tap = |y: usize, x: usize| -> &Lanes {
            let tap = if turned { TAPS - 1 - 3 * y - x } else { 3 * y + x };
            lanes(&panel[(tap * channels + c) * LANES..])
        };
        let half = [
            spread(tap(0, 0), tap(1, 0), tap(2, 0)),
            spread(tap(0, 1), tap(1, 1), tap(2, 1)),
            spread(tap(0, 2), tap(1, 2), tap(2, 2)),
        ];
        for (y, ((a, b), d)) in half[0].iter().zip(&half[1]).zip(&half[2]).enumerate() {
            for (x, row) in spread(a, b, d).iter().enumerate() {
                into[4 * y + x][c * LANES..][..LANES].copy_from_slice(row);
            }
        }
    }
}

/// `G` times a column of three.
#[inline(always)]
fn spread(a: &Lanes, b: &Lanes, c: &Lanes) -> [Lanes; 4] {
    let mut out = [*a, [0.0; LANES], [0.0; LANES], *c];
    for i in 0..LANES {
        let ends = a[i] + c[i];
        out[1][i] = 0.5 * (ends + b[i]);
        out[2][i] = 0.5 * (ends - b[i]);
    }
    out
}

for_each_level! {
    /// The elements of a row of kernels from the sums at their points: kernel after kernel, element after element.
    pub(super) fn taps(sums: &[f32], from: &Row, taps: &mut [f32]) = taps_body
}

/// `G' m G`.
#[inline(always)]
fn taps_body<const FUSED: bool>(sums: &[f32], from: &Row, taps: &mut [f32]) {
    for (kernel, taps) in taps.chunks_exact_mut(TAPS * LANES).enumerate() {
        let point = |y: usize, x: usize| -> &Lanes {
            lanes(&sums[from.first + kernel * from.tile + (4 * y + x) * from.point..])
        };
        let half = [
            shrink(point(0, 0), point(1, 0), point(2, 0), point(3, 0)),
            shrink(point(0, 1), point(1, 1), point(2, 1), point(3, 1)),
            shrink(point(0, 2), point(1, 2), point(2, 2), point(3, 2)),
            shrink(point(0, 3), point(1, 3), point(2, 3), point(3, 3)),
        ];
        let rows = half[0].iter().zip(&half[1]).zip(half[2].iter().zip(&half[3]));
        for (((a, b), (c, d)), taps) in rows.zip(taps.chunks_exact_mut(3 * LANES)) {
            taps.copy_from_slice(shrink(a, b, c, d).as_flattened());
        }
    }
}

/// `G'` times a column of four.
#[inline(always)]
fn shrink(a: &Lanes, b: &Lanes, c: &Lanes, d: &Lanes) -> [Lanes; 3] {
    let mut out = [*a, [0.0; LANES], *d];
    for i in 0..LANES {
        let sum = 0.5 * (b[i] + c[i]);
        out[0][i] += sum;
        out[1][i] = 0.5 * (b[i] - c[i]);
        out[2][i] += sum;
    }
    out
}
