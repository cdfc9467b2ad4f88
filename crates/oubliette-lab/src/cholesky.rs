//! Symmetric positive definite systems in double precision.

/// A square matrix in row-major order, factored as L Lᵀ.
pub(crate) struct Cholesky {
    size: usize,
    lower: Vec<f64>,
}

impl Cholesky {
    /// Factors `matrix` (size x size, row-major; only its lower half is read).
    ///
    /// Nothing when it is not positive definite: then the system has no unique solution.
    pub(crate) fn new(mut matrix: Vec<f64>, size: usize) -> Option<Self> {
        for column in 0..size {
            for row in column..size {
                let (above, below) =
                    (&matrix[column * size..][..column], &matrix[row * size..][..column]);
                let rest = matrix[row * size + column] - dot(above, below);
                matrix[row * size + column] = if row == column {
                    if rest.is_nan() || rest <= 0.0 {
                        return None;
                    }
                    rest.sqrt()
                } else {
                    rest / matrix[column * size + column]
                };
            }
        }
        Some(Self { size, lower: matrix })
    }

    /// The x for which the matrix times x is `right`.
    pub(crate) fn solve(&self, right: &[f64]) -> Vec<f64> {
        let (n, lower) = (self.size, &self.lower);
        let mut x = right.to_vec();
        for row in 0..n {
            x[row] = (x[row] - dot(&lower[row * n..][..row], &x[..row])) / lower[row * n + row];
        }
        for row in (0..n).rev() {
            let below: f64 = (row + 1..n).map(|k| lower[k * n + row] * x[k]).sum();
            x[row] = (x[row] - below) / lower[row * n + row];
        }
        x
    }
}

/// The sum of products.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_what_it_factored() {
        let matrix = vec![4.0, 2.0, 0.5, 2.0, 5.0, 1.0, 0.5, 1.0, 3.0];
        let x = Cholesky::new(matrix.clone(), 3).unwrap().solve(&[1.0, 2.0, 3.0]);
        for (row, right) in [1.0, 2.0, 3.0].into_iter().enumerate() {
            assert!((dot(&matrix[row * 3..][..3], &x) - right).abs() < 1e-12);
        }
    }

    #[test]
    fn refuses_what_is_singular() {
        assert!(Cholesky::new(vec![1.0, 1.0, 1.0, 1.0], 2).is_none());
        assert!(Cholesky::new(vec![f64::NAN], 1).is_none());
    }
}
