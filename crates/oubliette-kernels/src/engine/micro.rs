//! The microkernel: eight rows times up to thirty-two columns, the only place where matrices are multiplied.
//!
//! Every element of a product is one chain of fused multiply-adds in the order of the runs, whatever tile it
//! lies in and whatever its neighbours are. That is why results depend neither on threads nor on the batch.

use super::level::{Level, fma, level};

/// Rows of a tile.
pub(crate) const ROWS: usize = 8;
/// Columns of a tile, and the width of a panel.
pub(crate) const LANES: usize = 32;

/// A stretch of the summed axis: `len` steps from these offsets on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Added to the offset of each row on the left.
    pub(crate) a: usize,
    /// Offset on the right, a multiple of `LANES` in a panel.
    pub(crate) b: usize,
    /// Steps.
    pub(crate) len: usize,
}

/// The left operand: element (m, k) of a run lies at `rows[m] + run.a + k * step`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left<'a> {
    /// Where it lies.
    pub(crate) data: &'a [f32],
    /// Offsets of the rows; a tile with fewer rows repeats one.
    pub(crate) rows: [usize; ROWS],
    /// Distance from one step of the sum to the next.
    pub(crate) step: usize,
}

impl Left<'_> {
    /// To the same row of the tile below, where rows lie equally far apart.
    #[inline(always)]
    fn down(&self) -> usize {
        ROWS.wrapping_mul(self.rows[1].wrapping_sub(self.rows[0]))
    }
}

/// Where the tile goes: element (m, j) at `m * step + j`.
pub(crate) struct Into<'a> {
    /// Where it lies.
    pub(crate) data: &'a mut [f32],
    /// Distance between rows.
    pub(crate) step: usize,
    /// What the sums are added to.
    pub(crate) onto: Onto<'a>,
}

/// What sums are added to before they are put down.
#[derive(Clone, Copy)]
pub(crate) enum Onto<'a> {
    /// Nothing: they replace what is there.
    Nothing,
    /// Zero, which makes the sign of a sum that is zero what it is with a bias.
    Zero,
    /// What is there.
    There,
    /// The same row for all rows, one value a column.
    Row(&'a [f32]),
}

impl<'a> Onto<'a> {
    /// A bias, or zero.
    pub(crate) fn bias(bias: Option<&'a [f32]>) -> Self {
        bias.map_or(Self::Zero, Self::Row)
    }

    /// The same of the columns from `column` on.
    pub(crate) fn columns_from(self, column: usize) -> Self {
        match self {
            Self::Row(row) => Self::Row(&row[column..]),
            other => other,
        }
    }

    /// The same after so many steps of a sum: this before the first, then what they put down.
    pub(crate) fn after(self, steps: usize) -> Self {
        if steps == 0 { self } else { Self::There }
    }

    /// Puts down the sums of one row.
    ///
    /// # Panics
    /// When there are fewer sums, or values that they are added to, than the row has.
    #[inline(always)]
    pub(crate) fn put(self, sums: &[f32], out: &mut [f32]) {
        let sums = &sums[..out.len()];
        match self {
            Self::Nothing => out.copy_from_slice(sums),
            Self::Zero => out.iter_mut().zip(sums).for_each(|(out, sum)| *out = 0.0 + sum),
            Self::There => out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum),
            Self::Row(row) => {
                let row = &row[..out.len()];
                out.iter_mut().zip(row).zip(sums).for_each(|((out, at), sum)| *out = at + sum);
            }
        }
    }
}

/// Multiplies: sums `left(m, k) * right(k, j)` over all runs, for `tiles` times `ROWS` rows and the first `columns` columns
/// rounded up to 16. Element (k, j) of a run lies in `right` at `run.b + k * LANES + j`. Of more than one tile all rows
/// lie equally far apart.
///
/// # Panics
/// When a run or a tile reaches outside its slice.
#[inline]
pub(crate) fn multiply(
    left: &Left,
    right: &[f32],
    runs: &[Run],
    into: Into,
    columns: usize,
    tiles: usize,
) {
    if tiles == 0 {
        return;
    }
    let width = if columns <= LANES / 2 { LANES / 2 } else { LANES };
    check(left, right, runs, &into, width, tiles);
    match level() {
        // SAFETY: the level says that the processor has the features; `check` has bounded every access.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 if width == LANES => unsafe {
            x86::avx512::<2>(left, right, runs, into, tiles)
        },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { x86::avx512::<1>(left, right, runs, into, tiles) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { x86::avx2(left, right, runs, into, width, tiles) },
        Level::Plain => plain(left, right, runs, into, width, tiles),
    }
}

fn check(left: &Left, right: &[f32], runs: &[Run], into: &Into, width: usize, tiles: usize) {
    let further = if tiles > 1 { (tiles - 1).saturating_mul(left.down()) } else { 0 };
    let reach = left.rows.iter().fold(0, |most, &row| most.max(row)).saturating_add(further);
    let even = left
        .rows
        .windows(2)
        .all(|pair| pair[1].wrapping_sub(pair[0]) == left.rows[1].wrapping_sub(left.rows[0]));
    assert!(tiles == 1 || even, "tiles of uneven rows below one another");
    let lowest = tiles.saturating_mul(ROWS).saturating_sub(1).saturating_mul(into.step);
    assert!(lowest.saturating_add(width) <= into.data.len(), "a tile outside its destination");
    if let Onto::Row(row) = into.onto {
        assert!(width <= row.len(), "a tile wider than what it is added to");
    }
    for run in runs {
        if let Some(last) = run.len.checked_sub(1) {
            let most = reach.saturating_add(run.a).saturating_add(last.saturating_mul(left.step));
            assert!(most < left.data.len(), "a run outside the left");
            let most = run.b.saturating_add(last.saturating_mul(LANES)).saturating_add(width);
            assert!(most <= right.len(), "a run outside the right");
        }
    }
}

fn plain(left: &Left, right: &[f32], runs: &[Run], into: Into, width: usize, tiles: usize) {
    for tile in 0..tiles {
        let further = tile.wrapping_mul(left.down());
        let mut sums = [[0.0f32; LANES]; ROWS];
        for run in runs {
            for k in 0..run.len {
                let right = &right[run.b + k * LANES..][..width];
                for (sums, row) in sums.iter_mut().zip(left.rows) {
                    let a = left.data[further + row + run.a + k * left.step];
                    for (sum, &b) in sums.iter_mut().zip(right) {
                        *sum = fma::<false>(a, b, *sum);
                    }
                }
            }
        }
        for (m, sums) in sums.iter().enumerate() {
            let out = &mut into.data[(tile * ROWS + m) * into.step..][..width];
            into.onto.put(sums, out);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
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
                        _mm_prefetch::<_MM_HINT_T1>(
                            base.wrapping_add(below).wrapping_add(k).cast(),
                        );
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
}
