//! Least squares for a matrix that should give chosen outputs for chosen inputs and otherwise stay.

use crate::cholesky::{Cholesky, dot};

/// One input and the output that it should have.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// How much it counts.
    pub weight: f64,
    /// The input, of the matrix's width.
    pub input: Vec<f64>,
    /// The output, of the matrix's rows.
    pub output: Vec<f64>,
}

/// The matrix W that minimises `Σ weight |W input − output|² + λ |W − old|²`, row-major like `old` (`rows` rows).
///
/// With A = λI + Σ weight input inputᵀ that is old + Σ weight (output − old input) (A⁻¹ input)ᵀ. Nothing when A is not
/// positive definite.
pub fn refit(old: &[f64], rows: usize, lambda: f64, wanted: &[Wanted]) -> Option<Vec<f64>> {
    let width = old.len() / rows;
    let mut normal = vec![0.0; width * width];
    normal.iter_mut().step_by(width + 1).for_each(|diagonal| *diagonal = lambda);
    for Wanted { weight, input, .. } in wanted {
        for (row, left) in normal.chunks_exact_mut(width).zip(input) {
            row.iter_mut().zip(input).for_each(|(value, right)| *value += weight * left * right);
        }
    }
    let system = Cholesky::new(normal, width)?;
    let mut new = old.to_vec();
    for Wanted { weight, input, output } in wanted {
        let direction = system.solve(input);
        let rows = new.chunks_exact_mut(width).zip(old.chunks_exact(width)).zip(output);
        for ((row, before), output) in rows {
            let missing = weight * (output - dot(before, input));
            row.iter_mut().zip(&direction).for_each(|(value, d)| *value += missing * d);
        }
    }
    Some(new)
}

/// What a row-major matrix makes of an input.
pub fn times(matrix: &[f64], input: &[f64]) -> Vec<f64> {
    matrix.chunks_exact(input.len()).map(|row| dot(row, input)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enough_inputs_fix_the_matrix_and_none_leave_it() {
        let old = [1.0, 2.0, 3.0, 4.0];
        let wanted = |input: [f64; 2], output: [f64; 2]| Wanted {
            weight: 1.0,
            input: input.to_vec(),
            output: output.to_vec(),
        };
        assert_eq!(refit(&old, 2, 1.0, &[]).unwrap(), old);
        let both = [wanted([1.0, 0.0], [5.0, 6.0]), wanted([0.0, 1.0], [7.0, 8.0])];
        let new = refit(&old, 2, 1e-9, &both).unwrap();
        for (new, wanted) in new.iter().zip([5.0, 7.0, 6.0, 8.0]) {
            assert!((new - wanted).abs() < 1e-6, "{new} is not {wanted}");
        }
        assert!(refit(&old, 2, 0.0, &both[..1]).is_none(), "one input does not fix two columns");
    }
}
