//! The x86-64 microkernels. Callers have checked every bound (`super::check`).

use super::{Into, LANES, Left, Onto, ROWS, Run};
use std::arch::x86_64::*;

/// Steps of the sum that a panel is asked for before they are needed: about what its second cache takes to answer.
const AHEAD: usize = 8;

/// Where a tile goes, and where what it is added to lies with the distance between its rows.
#[derive(Clone, Copy)]
struct Out {
    data: *mut f32,
    step: usize,
    onto: Option<(*const f32, usize)>,
}

/// What sums are added to where they are added to zero.
static ZEROS: [f32; LANES] = [0.0; LANES];

impl Out {
    /// The tile `tile` times `ROWS` further down.
    fn new(into: &mut Into, tile: usize) -> Self {
        let step = into.step;
        let data = into.data.as_mut_ptr().wrapping_add(tile * ROWS * step);
        let onto = match into.onto {
            Onto::Nothing => None,
            Onto::Zero => Some((ZEROS.as_ptr(), 0)),
            Onto::There => Some((data.cast_const(), step)),
            Onto::Row(row) => Some((row.as_ptr(), 0)),
        };
        Self { data, step, onto }
    }
}

/// Where the left operand of a tile begins. `check` has bounded it wherever a run has steps; without any it is not read.
fn base(left: &Left, tile: usize) -> *const f32 {
    left.data.as_ptr().wrapping_add(tile.wrapping_mul(left.down()))
}

/// # Safety
/// AVX-512F; all of `super::check` for a width of `16 * V`.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn avx512<const V: usize>(
    left: &Left,
    right: &[f32],
    runs: &[Run],
    mut into: Into,
    tiles: usize,
) {
    for tile in 0..tiles {
        let out = Out::new(&mut into, tile);
        // SAFETY: one of the tiles that the caller vouches for.
        unsafe { avx512_tile::<V>(left, base(left, tile), right, runs, out) }
    }
}

/// Eight rows times `16 * V` columns, the left operand from `base` on.
///
/// # Safety
/// As `avx512`.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn avx512_tile<const V: usize>(
    left: &Left,
    base: *const f32,
    right: &[f32],
    runs: &[Run],
    out: Out,
) {
    let mut sums = [[_mm512_setzero_ps(); V]; ROWS];
    for run in runs {
        let mut k = run.a;
        let mut b = run.b;
        for i in 0..run.len {
            // SAFETY: `b + 16 * V <= right.len()` and `row + k` lies inside the left operand by `check`.
            unsafe {
                if i % 2 == 0 && left.step == 1 {
                    // In sixteen steps a cache line of every row of the tile below; never read.
                    let below = left.rows[i / 2 % ROWS].wrapping_add(left.down());
                    _mm_prefetch::<_MM_HINT_T1>(base.wrapping_add(below).wrapping_add(k).cast());
                }
                let mut lanes = [_mm512_setzero_ps(); V];
                for (v, lanes) in lanes.iter_mut().enumerate() {
                    *lanes = _mm512_loadu_ps(right.as_ptr().add(b + 16 * v));
                    // Never read where it lies beyond the end.
                    let ahead = right.as_ptr().wrapping_add(b + 16 * v + AHEAD * LANES);
                    _mm_prefetch::<_MM_HINT_T0>(ahead.cast());
                }
                for (sums, row) in sums.iter_mut().zip(left.rows) {
                    let a = _mm512_set1_ps(*base.add(row).add(k));
                    for (sum, lanes) in sums.iter_mut().zip(lanes) {
                        *sum = _mm512_fmadd_ps(a, lanes, *sum);
                    }
                }
            }
            k += left.step;
            b += LANES;
        }
    }
    for (m, sums) in sums.into_iter().enumerate() {
        for (v, sum) in sums.into_iter().enumerate() {
            // SAFETY: `7 * step + 16 * V` values lie in either by `check`.
            unsafe {
                let onto = |(at, step): (*const f32, usize)| at.add(m * step + 16 * v);
                let sum = match out.onto {
                    Some(at) => _mm512_add_ps(_mm512_loadu_ps(onto(at)), sum),
                    None => sum,
                };
                _mm512_storeu_ps(out.data.add(m * out.step + 16 * v), sum);
            }
        }
    }
}

/// # Safety
/// AVX2 and FMA; all of `super::check` for this width.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn avx2(
    left: &Left,
    right: &[f32],
    runs: &[Run],
    mut into: Into,
    width: usize,
    tiles: usize,
) {
    for tile in 0..tiles {
        let out = Out::new(&mut into, tile);
        for row in (0..ROWS).step_by(4) {
            for column in (0..width).step_by(16) {
                // SAFETY: a part of a tile that the caller vouches for.
                unsafe { avx2_part(left, base(left, tile), right, runs, out, [row, column]) }
            }
        }
    }
}

/// Four rows times sixteen columns, from these on; the left operand from `base` on.
///
/// # Safety
/// As `avx2`, with `row <= 4` and `column + 16 <= width`.
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2_part(
    left: &Left,
    base: *const f32,
    right: &[f32],
    runs: &[Run],
    out: Out,
    [row, column]: [usize; 2],
) {
    let mut sums = [[_mm256_setzero_ps(); 2]; 4];
    let rows = [left.rows[row], left.rows[row + 1], left.rows[row + 2], left.rows[row + 3]];
    for run in runs {
        let mut k = run.a;
        let mut b = run.b + column;
        for _ in 0..run.len {
            // SAFETY: `b + 16 <= right.len()` and `row + k` lies inside the left operand by `check`.
            unsafe {
                let low = _mm256_loadu_ps(right.as_ptr().add(b));
                let high = _mm256_loadu_ps(right.as_ptr().add(b + 8));
                for (sums, row) in sums.iter_mut().zip(rows) {
                    let a = _mm256_set1_ps(*base.add(row).add(k));
                    sums[0] = _mm256_fmadd_ps(a, low, sums[0]);
                    sums[1] = _mm256_fmadd_ps(a, high, sums[1]);
                }
            }
            k += left.step;
            b += LANES;
        }
    }
    for (m, sums) in sums.into_iter().enumerate() {
        for (v, sum) in sums.into_iter().enumerate() {
            // SAFETY: `7 * step + width` values lie in either by `check`.
            unsafe {
                let (m, column) = (row + m, column + 8 * v);
                let onto = |(at, step): (*const f32, usize)| at.add(m * step + column);
                let sum = match out.onto {
                    Some(at) => _mm256_add_ps(_mm256_loadu_ps(onto(at)), sum),
                    None => sum,
                };
                _mm256_storeu_ps(out.data.add(m * out.step + column), sum);
            }
        }
    }
}
