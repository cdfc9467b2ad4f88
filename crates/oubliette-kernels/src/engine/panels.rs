//! Panels: the right operand of a product, cut into blocks of `LANES` columns.
//!
//! Block `j` holds columns `32 j ..` as `depth` rows of `LANES` values, zeros beyond the last column.

use super::micro::LANES;
use super::transpose::transpose;
use crate::buffer::{Lent, lent};
use crate::parallel;

/// Values that the panels of a `depth` x `columns` matrix take.
pub(crate) fn len(depth: usize, columns: usize) -> usize {
    columns.div_ceil(LANES) * depth * LANES
}

/// Panels of the matrix with element (k, j) at `k * stride + j`.
pub(crate) fn from_rows(source: &[f32], stride: usize, depth: usize, columns: usize) -> Lent {
    packed(depth, columns, |block, panel| rows_block(source, stride, columns, block, panel))
}

/// Panels of the matrix with element (k, j) at `j * stride + k`.
pub(crate) fn from_columns(source: &[f32], stride: usize, depth: usize, columns: usize) -> Lent {
    packed(depth, columns, |block, panel| {
        columns_block(source, stride, depth, columns, block, panel)
    })
}

/// `from_rows` into memory of `len(depth, columns)`.
pub(crate) fn pack_rows(
    source: &[f32],
    stride: usize,
    depth: usize,
    columns: usize,
    panels: &mut [f32],
) {
    for (block, panel) in panels.chunks_exact_mut((depth * LANES).max(1)).enumerate() {
        rows_block(source, stride, columns, block, panel);
    }
}

/// `from_columns` into memory of `len(depth, columns)`.
pub(crate) fn pack_columns(
    source: &[f32],
    stride: usize,
    depth: usize,
    columns: usize,
    panels: &mut [f32],
) {
    for (block, panel) in panels.chunks_exact_mut((depth * LANES).max(1)).enumerate() {
        columns_block(source, stride, depth, columns, block, panel);
    }
}

fn packed(depth: usize, columns: usize, fill: impl Fn(usize, &mut [f32]) + Sync + Send) -> Lent {
    let mut panels = lent(len(depth, columns));
    let size = depth * LANES;
    if size > 0 {
        parallel::chunks(&mut panels, size, depth * columns, fill);
    }
    panels
}

fn rows_block(source: &[f32], stride: usize, columns: usize, block: usize, panel: &mut [f32]) {
    let from = block * LANES;
    let width = LANES.min(columns - from);
    for (k, row) in panel.chunks_exact_mut(LANES).enumerate() {
        let source = &source[k * stride + from..][..width];
        if let Ok(source) = <&[f32; LANES]>::try_from(source) {
            row.copy_from_slice(source);
        } else {
            row[..width].copy_from_slice(source);
            row[width..].fill(0.0);
        }
    }
}

fn columns_block(
    source: &[f32],
    stride: usize,
    depth: usize,
    columns: usize,
    block: usize,
    panel: &mut [f32],
) {
    let from = block * LANES;
    let width = LANES.min(columns - from);
    if width < LANES {
        panel.fill(0.0);
    }
    transpose(&source[from * stride..], stride, width, depth, panel, LANES);
}
