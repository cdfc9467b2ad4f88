//! Products by a matrix as it lies in memory, shared out over all threads.
//!
//! With many rows its panels are made once, and tasks share out the rows. With few rows that costs as much as the product itself: then
//! tasks share out the columns, and each makes the panels of its own, a few steps of the sum at a time, where it uses them. Neither way
//! changes a bit.

use super::micro::{LANES, Onto, ROWS};
use super::panels;
use super::product::{DEPTH, Matrix, Sizes, product};
use crate::buffer::{Lent, Parts, scratch};
use crate::parallel;

/// Columns of one task.
const COLUMNS: usize = 2 * LANES;
/// Tasks of columns that are worth sharing out.
const SHARES: usize = 8;

/// The right operand.
#[derive(Clone, Copy)]
pub(crate) enum Right<'a> {
    /// Element (k, j) at `k * stride + j`.
    Rows { data: &'a [f32], stride: usize },
    /// Element (k, j) at `j * stride + k`.
    Columns { data: &'a [f32], stride: usize },
}

impl Right<'_> {
    /// The panels of the whole.
    fn panels(self, depth: usize, columns: usize) -> Lent {
        match self {
            Self::Rows { data, stride } => panels::from_rows(data, stride, depth, columns),
            Self::Columns { data, stride } => panels::from_columns(data, stride, depth, columns),
        }
    }

    /// The panels of `depth` steps and `columns` columns, from these on.
    fn pack(self, [k, j]: [usize; 2], [depth, columns]: [usize; 2], into: &mut [f32]) {
        match self {
            Self::Rows { data, stride } => {
                panels::pack_rows(&data[k * stride + j..], stride, depth, columns, into);
            }
            Self::Columns { data, stride } => {
                panels::pack_columns(&data[j * stride + k..], stride, depth, columns, into);
            }
        }
    }
}

/// `y = x right + bias`: `x` is (rows, depth), the bias (columns).
pub(crate) fn shared(x: &[f32], right: Right, bias: Option<&[f32]>, sizes: Sizes, y: &mut [f32]) {
    if y.is_empty() {
        return;
    }
    if sizes.depth > 0 && sizes.rows <= sizes.columns && sizes.columns >= SHARES * COLUMNS {
        by_columns(x, right, bias, sizes, y);
    } else {
        by_rows(x, right, bias, sizes, y);
    }
}

/// Rows of one task: about as many as leave every thread two tasks, since each task reads the whole of the other operand.
pub(crate) fn tile_rows(rows: usize) -> usize {
    (rows / (2 * parallel::threads())).next_multiple_of(ROWS).clamp(ROWS, 128)
}

fn by_rows(x: &[f32], right: Right, bias: Option<&[f32]>, sizes: Sizes, y: &mut [f32]) {
    let Sizes { rows, depth, columns } = sizes;
    let panels = right.panels(depth, columns);
    let height = tile_rows(rows);
    parallel::chunks(y, height * columns, rows * depth * columns, |task, y| {
        let rows = y.len() / columns;
        let left = Matrix { data: &x[task * height * depth..], row: depth, step: 1 };
        product(left, &panels, Sizes { rows, ..sizes }, y, columns, Onto::bias(bias));
    });
}

/// Of nothing to sum there would be no stretch that puts anything down.
fn by_columns(x: &[f32], right: Right, bias: Option<&[f32]>, sizes: Sizes, y: &mut [f32]) {
    let Sizes { rows, depth, columns } = sizes;
    assert!(depth > 0, "columns of an empty sum");
    let y = Parts::new(y);
    parallel::tasks(columns.div_ceil(COLUMNS), rows * depth * columns, |task| {
        let from = task * COLUMNS;
        let wide = COLUMNS.min(columns - from);
        scratch(rows * wide + panels::len(DEPTH.min(depth), wide), |memory| {
            let (sums, memory) = memory.split_at_mut(rows * wide);
            let bias = bias.map(|bias| &bias[from..][..wide]);
            for k in (0..depth).step_by(DEPTH) {
                let some = DEPTH.min(depth - k);
                let panels = &mut memory[..panels::len(some, wide)];
                right.pack([k, from], [some, wide], panels);
                let left = Matrix { data: &x[k..], row: depth, step: 1 };
                let sizes = Sizes { rows, depth: some, columns: wide };
                product(left, panels, sizes, sums, wide, Onto::bias(bias).after(k));
            }
            for (row, sums) in sums.chunks_exact(wide).enumerate() {
                // SAFETY: the tasks' columns do not overlap.
                let y = unsafe { y.part(row * columns + from, wide) };
                y.copy_from_slice(sums);
            }
        });
    });
}
