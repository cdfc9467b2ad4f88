//! The directions in which embeddings lie, and what is left of an embedding beside them.

use nalgebra::{DMatrix, SymmetricEigen};

use crate::cholesky::dot;

/// One direction in which a set of vectors lies.
pub(crate) struct Mode {
    /// The mean of their squared parts along it.
    pub(crate) strength: f64,
    /// Of length one, orthogonal to all others; its largest entry is positive.
    pub(crate) direction: Vec<f64>,
}

/// Eigenvalues and eigenvectors of the mean of v vᵀ, strongest first: `width` of them, or none where there is no vector.
pub(crate) fn modes<'a>(vectors: impl Iterator<Item = &'a [f64]>, width: usize) -> Vec<Mode> {
    let values: Vec<f64> = vectors.flatten().copied().collect();
    let count = values.len() / width;
    if count == 0 {
        return Vec::new();
    }
    let vectors = DMatrix::from_row_slice(count, width, &values);
    let SymmetricEigen { eigenvectors, eigenvalues } =
        SymmetricEigen::new(vectors.tr_mul(&vectors) / count as f64);
    let mode = |(strength, column): (&f64, nalgebra::DVectorView<'_, f64>)| Mode {
        strength: *strength,
        direction: upright(column.iter().copied().collect()),
    };
    let mut modes: Vec<Mode> =
        eigenvalues.iter().zip(eigenvectors.column_iter()).map(mode).collect();
    modes.sort_by(|a, b| b.strength.total_cmp(&a.strength));
    modes
}

/// An eigenvector has no sign of its own: this gives it one.
fn upright(direction: Vec<f64>) -> Vec<f64> {
    let largest =
        direction.iter().copied().fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
    direction.into_iter().map(|value| value * largest.signum()).collect()
}

/// The inputs that have no part, or little, along certain directions.
#[derive(Debug, Clone)]
pub(crate) struct NullSpace {
    /// Directions of length one, each with the share that is taken of an input's part along it.
    pub(crate) taken: Vec<(f64, Vec<f64>)>,
}

impl NullSpace {
    /// All inputs.
    pub(crate) fn everything() -> Self {
        Self { taken: Vec::new() }
    }

    /// The inputs without a part along those modes that `takes` says, by place and strength.
    pub(crate) fn beside(modes: Vec<Mode>, takes: impl Fn(usize, f64) -> bool) -> Self {
        let taken = modes.into_iter().enumerate().filter(|(at, mode)| takes(*at, mode.strength));
        Self { taken: taken.map(|(_, mode)| (1.0, mode.direction)).collect() }
    }

    /// I − C (Cᵀ C + r I)⁻¹ Cᵀ for the `count` vectors C whose modes these are; r is a millionth of their mean square, 1e-4 at least.
    pub(crate) fn damped(modes: Vec<Mode>, count: usize) -> Self {
        let count = count as f64;
        let trace: f64 = modes.iter().map(|mode| mode.strength * count).sum();
        let r = (1e-6 * trace / count.max(1.0)).max(1e-4);
        let share = |mode: Mode| {
            let square = (mode.strength * count).max(0.0);
            (square / (square + r), mode.direction)
        };
        Self { taken: modes.into_iter().map(share).collect() }
    }

    /// P x, with P symmetric; where directions are taken whole, P P = P.
    pub(crate) fn project(&self, x: &[f64]) -> Vec<f64> {
        let mut rest = x.to_vec();
        for (share, direction) in &self.taken {
            let part = share * dot(direction, &rest);
            rest.iter_mut().zip(direction).for_each(|(value, d)| *value -= part * d);
        }
        rest
    }
}

/// The Moore-Penrose inverse of a symmetric matrix (size x size); eigenvalues up to `least` count as nothing.
pub(crate) fn pseudo_inverse(matrix: &[f64], size: usize, least: f64) -> Vec<f64> {
    if size == 0 {
        return Vec::new();
    }
    let SymmetricEigen { eigenvectors, eigenvalues } =
        SymmetricEigen::new(DMatrix::from_row_slice(size, size, matrix));
    let inverse = eigenvalues.map(|value| if value.abs() > least { value.recip() } else { 0.0 });
    let whole = &eigenvectors * DMatrix::from_diagonal(&inverse) * eigenvectors.transpose();
    whole.iter().copied().collect() // symmetric, so the order of rows and columns is one
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lot::Lot;
    use rand::Rng as _;

    const WIDTH: usize = 9;

    fn vectors(count: usize) -> Vec<Vec<f64>> {
        let mut rng = Lot::new(4).rng();
        (0..count).map(|_| (0..WIDTH).map(|_| rng.random_range(-1.0..1.0)).collect()).collect()
    }

    fn unit(at: usize) -> Vec<f64> {
        (0..WIDTH).map(|place| f64::from(u8::from(place == at))).collect()
    }

    fn null_space(vectors: &[Vec<f64>]) -> NullSpace {
        let modes = modes(vectors.iter().map(Vec::as_slice), WIDTH);
        NullSpace::beside(modes, |_, strength| strength > 1e-12)
    }

    #[test]
    fn modes_give_the_correlation_back() {
        let vectors = vectors(5);
        let modes = modes(vectors.iter().map(Vec::as_slice), WIDTH);
        assert!(modes.is_sorted_by(|a, b| a.strength >= b.strength));
        for (row, column) in [(0, 0), (2, 7), (8, 3)] {
            let wanted = vectors.iter().map(|v| v[row] * v[column]).sum::<f64>() / 5.0;
            let part = |mode: &Mode| mode.strength * mode.direction[row] * mode.direction[column];
            let found: f64 = modes.iter().map(part).sum();
            assert!((found - wanted).abs() < 1e-12, "{found} is not {wanted}");
        }
    }

    #[test]
    fn a_projector_is_symmetric_and_idempotent_and_nulls_what_it_is_beside() {
        let vectors = vectors(4);
        let null = null_space(&vectors);
        let columns: Vec<_> = (0..WIDTH).map(|at| null.project(&unit(at))).collect();
        for (a, column) in columns.iter().enumerate() {
            let again = null.project(column);
            for b in 0..WIDTH {
                assert!((column[b] - columns[b][a]).abs() < 1e-12, "symmetric");
                assert!((column[b] - again[b]).abs() < 1e-12, "idempotent");
            }
        }
        let rank: f64 = (0..WIDTH).map(|at| columns[at][at]).sum();
        assert!((rank - 5.0).abs() < 1e-12, "{rank}");
        assert!(vectors.iter().flat_map(|v| null.project(v)).all(|rest| rest.abs() < 1e-12));
    }

    #[test]
    fn where_nothing_lies_nothing_is_taken() {
        assert_eq!(null_space(&[]).project(&unit(2)), unit(2));
    }

    #[test]
    fn a_singular_matrix_is_inverted_where_it_can_be() {
        let inverse = pseudo_inverse(&[2.0, 2.0, 2.0, 2.0], 2, 1e-9);
        assert!(inverse.iter().all(|value| (value - 0.125).abs() < 1e-12), "{inverse:?}");
        assert_eq!(pseudo_inverse(&[1e-12], 1, 1e-9), [0.0]);
        assert!(pseudo_inverse(&[], 0, 1e-9).is_empty());
    }
}
