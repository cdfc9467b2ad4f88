//! Matrix products out of microkernel tiles.

use super::micro::{Into, LANES, Left, Onto, ROWS, Run, multiply};

/// Steps of the sum that are done before a tile is put down, so that a block of a panel stays in the first cache.
///
/// It is part of the order of summation: the bits of every product depend on it, and on nothing else.
pub(crate) const DEPTH: usize = 256;

/// The left operand: element (m, k) at `m * row + k * step`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    /// Where it lies.
    pub(crate) data: &'a [f32],
    /// Distance between rows.
    pub(crate) row: usize,
    /// Distance from one step of the sum to the next.
    pub(crate) step: usize,
}

/// The sizes of a product: `rows` x `depth` times `depth` x `columns`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Rows of the result.
    pub(crate) rows: usize,
    /// Length of the sum.
    pub(crate) depth: usize,
    /// Columns of the result.
    pub(crate) columns: usize,
}

/// `out = onto + left * panels`, on this thread. Element (m, j) of `out` lies at
/// `m * step + j`; `panels` are those of a `sizes.depth` x `sizes.columns` matrix. Of an empty sum `onto` alone is put down.
pub(crate) fn product(
    left: Matrix,
    panels: &[f32],
    sizes: Sizes,
    out: &mut [f32],
    step: usize,
    onto: Onto,
) {
    let Sizes { rows, depth, columns } = sizes;
    for (block, from) in (0..columns).step_by(LANES).enumerate() {
        let panel = &panels[block * depth * LANES..][..depth * LANES];
        let width = LANES.min(columns - from);
        for k in (0..depth.max(1)).step_by(DEPTH) {
            let run = Run { a: k * left.step, b: k * LANES, len: DEPTH.min(depth - k) };
            let onto = onto.after(k).columns_from(from);
            let tiles = if is_whole(width) { rows / ROWS } else { 0 };
            if tiles > 0 {
                let rows = std::array::from_fn(|i| i * left.row);
                let left = Left { data: left.data, rows, step: left.step };
                let into = Into { data: &mut out[from..], step, onto };
                multiply(&left, panel, &[run], into, width, tiles);
            }
            for m in (tiles * ROWS..rows).step_by(ROWS) {
                let height = ROWS.min(rows - m);
                let rows = std::array::from_fn(|i| (m + i.min(height - 1)) * left.row);
                let left = Left { data: left.data, rows, step: left.step };
                let out = &mut out[m * step + from..];
                tile(&left, panel, &[run], out, step, height, width, onto);
            }
        }
    }
}

/// Whether a tile writes no more than these columns.
fn is_whole(width: usize) -> bool {
    width == LANES || width == LANES / 2
}

/// One tile of which `height` rows and `width` columns are wanted.
#[allow(clippy::too_many_arguments, reason = "a tile has two sides and three operands")]
#[inline]
pub(crate) fn tile(
    left: &Left,
    panel: &[f32],
    runs: &[Run],
    out: &mut [f32],
    step: usize,
    height: usize,
    width: usize,
    onto: Onto,
) {
    if height == ROWS && is_whole(width) {
        return multiply(left, panel, runs, Into { data: out, step, onto }, width, 1);
    }
    let mut whole = [0.0f32; ROWS * LANES];
    multiply(
        left,
        panel,
        runs,
        Into { data: &mut whole, step: LANES, onto: Onto::Nothing },
        width,
        1,
    );
    for (m, sums) in whole.chunks_exact(LANES).take(height).enumerate() {
        onto.put(sums, &mut out[m * step..][..width]);
    }
}
