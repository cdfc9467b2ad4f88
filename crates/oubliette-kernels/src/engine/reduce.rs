//! Sums in a fixed order.

use super::level::{fma, for_each_level};
use crate::buffer::unwritten;
use crate::parallel;

/// Rows that are added up before their sum joins the others.
const BLOCK: usize = 64;

/// The sum of each column of `rows` x `columns` values.
pub(crate) fn column_sums(data: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut sums = vec![0.0; columns];
    add_column_sums(data, rows, &mut sums);
    sums
}

/// Adds the sum of each column of `rows` x `sums.len()` values.
///
/// In stretches of a multiple of 64 rows, the bits are those of the whole at once.
pub(crate) fn add_column_sums(data: &[f32], rows: usize, sums: &mut [f32]) {
    let columns = sums.len();
    if rows == 0 || columns == 0 {
        return;
    }
    let mut partial = unwritten(rows.div_ceil(BLOCK) * columns);
    parallel::chunks(&mut partial, columns, data.len(), |block, sums| {
        let from = block * BLOCK * columns;
        let until = data.len().min(from + BLOCK * columns);
        add_rows(&data[from..until], sums);
    });
    add_rows_to(&partial, sums);
}

/// The sum of each channel of (samples, channels, pixels) values.
pub(crate) fn channel_sums(
    data: &[f32],
    samples: usize,
    channels: usize,
    pixels: usize,
) -> Vec<f32> {
    let mut sums = vec![0.0; channels];
    parallel::chunks(&mut sums, 1, data.len(), |c, out| {
        let sample = |n| sum(&data[(n * channels + c) * pixels..][..pixels]);
        out[0] = (0..samples).map(sample).sum();
    });
    sums
}

for_each_level! {
    /// The sum, in sixteen interleaved parts.
    pub(crate) fn sum(data: &[f32]) -> f32 = sum_body
}

/// [`sum`] inside a function that is compiled for every level.
#[inline(always)]
pub(crate) fn sum_body<const FUSED: bool>(data: &[f32]) -> f32 {
    let mut parts = [0.0f32; 16];
    let chunks = data.chunks_exact(16);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (part, value) in parts.iter_mut().zip(chunk) {
            *part += value;
        }
    }
    for (part, value) in parts.iter_mut().zip(rest) {
        *part += value;
    }
    together(parts)
}

/// Adds sixteen parts pairwise.
#[inline(always)]
pub(crate) fn together(mut parts: [f32; 16]) -> f32 {
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            parts[i] += parts[i + half];
        }
    }
    parts[0]
}

for_each_level! {
    /// The sum of the squared distances from `mean`, in sixteen interleaved parts.
    pub(crate) fn squares_around(data: &[f32], mean: f32) -> f32 = squares_around_body
}

/// [`squares_around`] inside a function that is compiled for every level.
#[inline(always)]
pub(crate) fn squares_around_body<const FUSED: bool>(data: &[f32], mean: f32) -> f32 {
    let mut parts = [0.0f32; 16];
    let chunks = data.chunks_exact(16);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (part, value) in parts.iter_mut().zip(chunk) {
            *part = fma::<FUSED>(value - mean, value - mean, *part);
        }
    }
    for (part, value) in parts.iter_mut().zip(rest) {
        *part = fma::<FUSED>(value - mean, value - mean, *part);
    }
    together(parts)
}

/// The sum of `values` times a factor made of `x`, in sixteen interleaved parts.
#[inline(always)]
pub(crate) fn sum_of_products<const FUSED: bool>(
    values: &[f32],
    x: &[f32],
    factor: impl Fn(f32) -> f32,
) -> f32 {
    let mut parts = [0.0f32; 16];
    let (values, x) = (values.chunks_exact(16), x.chunks_exact(16));
    let rest = values.remainder().iter().zip(x.remainder());
    for (values, x) in values.zip(x) {
        for ((part, value), x) in parts.iter_mut().zip(values).zip(x) {
            *part = fma::<FUSED>(*value, factor(*x), *part);
        }
    }
    for (part, (value, x)) in parts.iter_mut().zip(rest) {
        *part = fma::<FUSED>(*value, factor(*x), *part);
    }
    together(parts)
}

for_each_level! { fn add_rows(data: &[f32], sums: &mut [f32]) = add_rows_body }
for_each_level! {
/// Adds each row of `data` to `sums`.
pub(crate) fn add_rows_to(data: &[f32], sums: &mut [f32]) = add_rows_to_body }

#[inline(always)]
fn add_rows_body<const FUSED: bool>(data: &[f32], sums: &mut [f32]) {
    sums.copy_from_slice(&data[..sums.len()]);
    add_rows_to_body::<FUSED>(&data[sums.len()..], sums);
}

#[inline(always)]
fn add_rows_to_body<const FUSED: bool>(data: &[f32], sums: &mut [f32]) {
    for row in data.chunks_exact(sums.len()) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
}
