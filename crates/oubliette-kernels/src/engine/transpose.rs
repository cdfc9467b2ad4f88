//! Transposition, in squares of eight.

use super::level::{Level, level};

const SIDE: usize = 8;

/// Writes element (i, k) of `rows` rows of `depth` values, `stride` apart, to `k * into_stride + i`.
///
/// # Panics
/// When the source or the destination is too short.
pub(crate) fn transpose(
    source: &[f32],
    stride: usize,
    rows: usize,
    depth: usize,
    into: &mut [f32],
    into_stride: usize,
) {
    if rows == 0 || depth == 0 {
        return;
    }
    assert!((rows - 1) * stride + depth <= source.len(), "a source too short to transpose");
    assert!((depth - 1) * into_stride + rows <= into.len(), "no room to transpose into");
    let (whole_rows, whole_depth) = (rows / SIDE * SIDE, depth / SIDE * SIDE);
    squares(source, stride, [whole_rows, whole_depth], into, into_stride);
    for k in 0..depth {
        let from = if k < whole_depth { whole_rows } else { 0 };
        for i in from..rows {
            into[k * into_stride + i] = source[i * stride + k];
        }
    }
}

/// The part of `sizes` whole squares; the caller has checked that it lies inside both slices.
fn squares(source: &[f32], stride: usize, sizes: [usize; 2], into: &mut [f32], into_stride: usize) {
    match level() {
        Level::Plain => plain(source, stride, sizes, into, into_stride),
        // SAFETY: the level says that AVX2 is there; `transpose` has checked the bounds.
        #[cfg(target_arch = "x86_64")]
        _ => unsafe { x86::squares(source, stride, sizes, into, into_stride) },
    }
}

fn plain(
    source: &[f32],
    stride: usize,
    [rows, depth]: [usize; 2],
    into: &mut [f32],
    into_stride: usize,
) {
    for k in (0..depth).step_by(SIDE) {
        for i in 0..rows {
            for (n, value) in source[i * stride + k..][..SIDE].iter().enumerate() {
                into[(k + n) * into_stride + i] = *value;
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    //! Squares in registers: eight loads, three rounds of shuffles, eight stores.
    use super::SIDE;
    use std::arch::x86_64::*;

    /// # Safety
    /// AVX2; `sizes` are multiples of eight, `(rows - 1) * stride + depth` values of `source` and
    /// `(depth - 1) * into_stride + rows` of `into` exist.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn squares(
        source: &[f32],
        stride: usize,
        [rows, depth]: [usize; 2],
        into: &mut [f32],
        into_stride: usize,
    ) {
        for k in (0..depth).step_by(SIDE) {
            for i in (0..rows).step_by(SIDE) {
                let mut square = [_mm256_setzero_ps(); SIDE];
                for (m, row) in square.iter_mut().enumerate() {
                    // SAFETY: row `i + m` has the values `k..k + 8`.
                    *row = unsafe { _mm256_loadu_ps(source.as_ptr().add((i + m) * stride + k)) };
                }
                for (n, row) in turned(square).into_iter().enumerate() {
                    // SAFETY: row `k + n` of the destination has the values `i..i + 8`.
                    unsafe {
                        _mm256_storeu_ps(into.as_mut_ptr().add((k + n) * into_stride + i), row)
                    };
                }
            }
        }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn turned(r: [__m256; SIDE]) -> [__m256; SIDE] {
        let pairs = [
            _mm256_unpacklo_ps(r[0], r[1]),
            _mm256_unpackhi_ps(r[0], r[1]),
            _mm256_unpacklo_ps(r[2], r[3]),
            _mm256_unpackhi_ps(r[2], r[3]),
            _mm256_unpacklo_ps(r[4], r[5]),
            _mm256_unpackhi_ps(r[4], r[5]),
            _mm256_unpacklo_ps(r[6], r[7]),
            _mm256_unpackhi_ps(r[6], r[7]),
        ];
        let fours = [
            _mm256_shuffle_ps::<0x44>(pairs[0], pairs[2]),
            _mm256_shuffle_ps::<0xEE>(pairs[0], pairs[2]),
            _mm256_shuffle_ps::<0x44>(pairs[1], pairs[3]),
            _mm256_shuffle_ps::<0xEE>(pairs[1], pairs[3]),
            _mm256_shuffle_ps::<0x44>(pairs[4], pairs[6]),
            _mm256_shuffle_ps::<0xEE>(pairs[4], pairs[6]),
            _mm256_shuffle_ps::<0x44>(pairs[5], pairs[7]),
            _mm256_shuffle_ps::<0xEE>(pairs[5], pairs[7]),
        ];
        [
            _mm256_permute2f128_ps::<0x20>(fours[0], fours[4]),
            _mm256_permute2f128_ps::<0x20>(fours[1], fours[5]),
            _mm256_permute2f128_ps::<0x20>(fours[2], fours[6]),
            _mm256_permute2f128_ps::<0x20>(fours[3], fours[7]),
            _mm256_permute2f128_ps::<0x31>(fours[0], fours[4]),
            _mm256_permute2f128_ps::<0x31>(fours[1], fours[5]),
            _mm256_permute2f128_ps::<0x31>(fours[2], fours[6]),
            _mm256_permute2f128_ps::<0x31>(fours[3], fours[7]),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::transpose;

    #[test]
    fn every_element_goes_to_its_place_and_nothing_else_is_touched() {
        for rows in [0, 1, 7, 8, 9, 33] {
            for depth in [0, 1, 5, 8, 17, 24] {
                let (stride, into_stride) = (depth + 3, rows + 2);
                let source: Vec<f32> = (0..(rows + 1) * stride).map(|i| i as f32).collect();
                let mut into = vec![-1.0; (depth + 1) * into_stride];
                transpose(&source, stride, rows, depth, &mut into, into_stride);
                for (at, value) in into.iter().enumerate() {
                    let (k, i) = (at / into_stride, at % into_stride);
                    let expected =
                        if i < rows && k < depth { source[i * stride + k] } else { -1.0 };
                    assert_eq!(*value, expected, "{rows}x{depth}: ({i}, {k})");
                }
            }
        }
    }
}
