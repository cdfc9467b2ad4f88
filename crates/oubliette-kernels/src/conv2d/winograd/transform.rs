//! The transformations of tiles, for many channels at once.
//!
//! With `d` the pixels of a tile and `m` the products at its points, in the paper's letters: `B' d B` and `A' m A`; for
//! the gradient also `A y A'` of what the positions `y` want.

use crate::engine::level::for_each_level;
use crate::engine::micro::LANES;

/// Points of a tile.
pub(super) const POINTS: usize = 16;

/// Values from one point to the next, where there are so many of each: a cache line more, since points that lie a power of two apart
/// would share the same few lines of the first cache.
pub(super) fn pitch(values: usize) -> usize {
    values + LANES / 2
}

/// Where the values of a row of tiles, or of kernels, lie.
pub(super) struct Row {
    /// Of the first tile.
    pub(super) first: usize,
    /// From one tile to the next.
    pub(super) tile: usize,
    /// From one point to the next.
    pub(super) point: usize,
}

pub(super) type Lanes = [f32; LANES];

for_each_level! {
    /// The points of a row of tiles, whose pixels are four rows, `pitch` values and so many channels each; `half` has room for
    /// as much.
    pub(super) fn pixels(pixels: &[f32], pitch: usize, channels: usize, half: &mut [f32], to: &Row, seen: &mut [f32]) = pixels_body
}

/// `B' d B`: first down whole rows, then across each tile.
#[inline(always)]
fn pixels_body<const FUSED: bool>(
    pixels: &[f32],
    pitch: usize,
    channels: usize,
    half: &mut [f32],
    to: &Row,
    seen: &mut [f32],
) {
    let row = pixels.len() / 4;
    let down = |y: usize| &pixels[y * row..][..row];
    fold([down(0), down(1), down(2), down(3)], half.chunks_exact_mut(row));
    let tiles = row / pitch / 2 - 1;
    for (y, half) in half.chunks_exact(row).enumerate() {
        for tile in 0..tiles {
            let pixel = |x: usize| &half[(2 * tile + x) * pitch..][..channels];
            let start = to.first + tile * to.tile + 4 * y * to.point;
            let points =
                seen[start..].chunks_mut(to.point).map(|to_point| &mut to_point[..channels]);
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
    pub(super) fn positions(sums: &[f32], from: &Row, bias: &Lanes, across: usize, values: &mut [f32]) = positions_body
}

/// `A' m A`, and the bias.
#[inline(always)]
fn positions_body<const FUSED: bool>(
    sums: &[f32],
    from: &Row,
    bias: &Lanes,
    across: usize,
    values: &mut [f32],
) {
    let tiles = from.point / from.tile;
    for tile in 0..tiles {
        let point = |y: usize, x: usize| -> &Lanes {
            lanes(&sums[from.first + tile * from.tile + (4 * y + x) * from.point..])
        };
        let half = [
            gather(point(0, 0), point(1, 0), point(2, 0), point(3, 0)),
            gather(point(0, 1), point(1, 1), point(2, 1), point(3, 1)),
            gather(point(0, 2), point(1, 2), point(2, 2), point(3, 2)),
            gather(point(0, 3), point(1, 3), point(2, 3), point(3, 3)),
        ];
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

for_each_level! {
    /// The points of what the positions of a row of tiles want: two rows of positions, a block of channels each.
    pub(super) fn wants(positions: &[f32], to: &Row, wanted: &mut [f32]) = wants_body
}

/// `A y A'`.
#[inline(always)]
fn wants_body<const FUSED: bool>(positions: &[f32], to: &Row, wanted: &mut [f32]) {
    let (above, below) = positions.split_at(positions.len() / 2);
    let pairs = above.chunks_exact(2 * LANES).zip(below.chunks_exact(2 * LANES));
    for (tile, (above, below)) in pairs.enumerate() {
        let left = scatter(lanes(above), lanes(below));
        let right = scatter(lanes(&above[LANES..]), lanes(&below[LANES..]));
        for (y, (a, b)) in left.iter().zip(&right).enumerate() {
            for (x, row) in scatter(a, b).iter().enumerate() {
                let start = to.first + tile * to.tile + (4 * y + x) * to.point;
                wanted[start..][..LANES].copy_from_slice(row);
            }
        }
    }
}

/// `A` times a column of two.
#[inline(always)]
fn scatter(a: &Lanes, b: &Lanes) -> [Lanes; 4] {
    let mut out = [*a, *a, *a, *b];
    for i in 0..LANES {
        out[1][i] += b[i];
        out[2][i] -= b[i];
        out[3][i] = -b[i];
    }
    out
}

#[inline(always)]
pub(super) fn lanes(values: &[f32]) -> &Lanes {
    values.first_chunk().expect("as many values as lanes")
}
