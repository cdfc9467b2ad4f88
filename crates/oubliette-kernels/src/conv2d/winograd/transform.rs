//! The three transformations of F(2x2, 3x3), for many channels at once.
//!
//! With `d` the pixels of a tile, `g` a kernel and `m` the products at the points, in the paper's letters:
//! `B' d B`, `G g G'` and `A' m A`.

use crate::buffer::{Lent, Parts, lent, scratch};
use crate::conv2d::weights::{Piece, pieces};
use crate::engine::level::for_each_level;
use crate::engine::micro::LANES;

/// Points of a tile.
pub(in crate::conv2d) const POINTS: usize = 16;
/// Elements of a kernel.
const TAPS: usize = 9;

/// Where the values of a row of tiles lie.
pub(super) struct Points {
    /// Of the first tile.
    pub(super) first: usize,
    /// From one tile to the next.
    pub(super) tile: usize,
    /// From one point to the next.
    pub(super) point: usize,
    /// How many lie side by side.
    pub(super) channels: usize,
}

type Lanes = [f32; LANES];

/// The points of the kernels of a matrix (summed, columns), whose pieces `panel` writes as `Weights` lays them out: for
/// each point the panels of a matrix of that size. `turned` turns the kernels by half a turn.
pub(super) fn kernels(
    (summed, columns): (usize, usize),
    turned: bool,
    panel: impl Fn(&Piece, &mut [f32]) + Sync + Send,
) -> Lent {
    let blocks = columns.div_ceil(LANES);
    let size = summed * LANES;
    let mut points = lent(POINTS * blocks * size);
    let parts = Parts::new(&mut points);
    pieces(summed, columns, POINTS * summed * columns, |block, piece| {
        scratch(TAPS * piece.channels * LANES, |taps| {
            panel(piece, taps);
            let mut into = std::array::from_fn(|point| {
                let start = (point * blocks + block) * size + piece.channel * LANES;
                // SAFETY: each task has its own channels of its own block of every point.
                unsafe { parts.part(start, piece.channels * LANES) }
            });
            kernel_points(taps, piece.channels, turned, &mut into);
        });
    });
    points
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
        let column = |x| spread(tap(0, x), tap(1, x), tap(2, x));
        let half = [column(0), column(1), column(2)];
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
    /// The points of a row of tiles, whose pixels are four rows with their channels `pitch` apart; `half` has room for
    /// as much.
    pub(super) fn pixels(pixels: &[f32], pitch: usize, half: &mut [f32], to: &Points, seen: &mut [f32]) = pixels_body
}

/// `B' d B`: first down whole rows, then across each tile.
#[inline(always)]
fn pixels_body<const FUSED: bool>(
    pixels: &[f32],
    pitch: usize,
    half: &mut [f32],
    to: &Points,
    seen: &mut [f32],
) {
    let row = pixels.len() / 4;
    let down = |y: usize| &pixels[y * row..][..row];
    fold([down(0), down(1), down(2), down(3)], half.chunks_exact_mut(row));
    let tiles = row / pitch / 2 - 1;
    for (y, half) in half.chunks_exact(row).enumerate() {
        for tile in 0..tiles {
            let pixel = |x: usize| &half[(2 * tile + x) * pitch..][..to.channels];
            let start = to.first + tile * to.tile + 4 * y * to.point;
            let points =
                seen[start..].chunks_mut(to.point).map(|to_point| &mut to_point[..to.channels]);
            fold([pixel(0), pixel(1), pixel(2), pixel(3)], points);
        }
    }
}

/// `B'` times a column of four.
#[inline(always)]
fn fold<'a>([a, b, c, d]: [&[f32]; 4], mut out: impl Iterator<Item = &'a mut [f32]>) {
    for (plus, minus, sign) in [(a, c, -1.0), (b, c, 1.0), (c, b, -1.0), (b, d, -1.0)] {
        let out = out.next().expect("four rows to write");
        for ((out, plus), minus) in out.iter_mut().zip(plus).zip(minus) {
            *out = plus + sign * minus;
        }
    }
}

for_each_level! {
    /// The positions of all tiles, `across` in a row, from the sums at their points: row after row, position after position.
    pub(super) fn positions(sums: &[f32], from: &Points, bias: &Lanes, across: usize, values: &mut [f32]) = positions_body
}

/// `A' m A`, and the bias.
#[inline(always)]
fn positions_body<const FUSED: bool>(
    sums: &[f32],
    from: &Points,
    bias: &Lanes,
    across: usize,
    values: &mut [f32],
) {
    let tiles = from.point / from.tile;
    for tile in 0..tiles {
        let point = |y: usize, x: usize| -> &Lanes {
            lanes(&sums[from.first + tile * from.tile + (4 * y + x) * from.point..])
        };
        let column = |x| gather(point(0, x), point(1, x), point(2, x), point(3, x));
        let half = [column(0), column(1), column(2), column(3)];
        let corner = 4 * across * (tile / across) + 2 * (tile % across);
        let rows = half[0].iter().zip(&half[1]).zip(half[2].iter().zip(&half[3]));
        for (y, ((a, b), (c, d))) in rows.enumerate() {
            let mut row = gather(a, b, c, d);
            for value in &mut row {
                value.iter_mut().zip(bias).for_each(|(value, bias)| *value += bias);
            }
            let start = (corner + 2 * across * y) * LANES;
            values[start..][..2 * LANES].copy_from_slice(row.as_flattened());
        }
    }
}

/// `A'` times a column of four.
#[inline(always)]
fn gather(a: &Lanes, b: &Lanes, c: &Lanes, d: &Lanes) -> [Lanes; 2] {
    let mut out = [[0.0; LANES]; 2];
    for i in 0..LANES {
        out[0][i] = a[i] + b[i] + c[i];
        out[1][i] = b[i] - c[i] - d[i];
    }
    out
}

#[inline(always)]
fn lanes(values: &[f32]) -> &Lanes {
    values.first_chunk().expect("as many values as lanes")
}
