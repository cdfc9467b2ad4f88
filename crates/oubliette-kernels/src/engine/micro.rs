//! The microkernel: eight rows times up to thirty-two columns, the only place where matrices are multiplied.
//!
//! Every element of a product is one chain of fused multiply-adds in the order of the runs, whatever tile it
//! lies in and whatever its neighbours are. That is why results depend neither on threads nor on the batch.

#[cfg(target_arch = "x86_64")]
mod x86;

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
/// When a run or a tile reaches outside its slice, or the rows of several tiles lie unevenly.
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
