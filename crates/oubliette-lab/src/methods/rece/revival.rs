//! The embeddings that best bring a concept back in edited matrices.

use crate::{cholesky::Cholesky, editing::Pair};

/// For every edited embedding c the c' that minimises, over all matrices, `Σ |W_new c' − W_old c|² + λ |c'|²`, paired
/// with the same guide: c' = (λI + Σ W_newᵀ W_new)⁻¹ (Σ W_newᵀ W_old) c. Matrices are row-major, with their rows' number.
pub fn revive(
    old: &[(usize, Vec<f64>)],
    new: &[(usize, Vec<f64>)],
    edits: &[Vec<Pair>],
    regulariser: f64,
) -> Vec<Vec<Pair>> {
    let width = edits.iter().flatten().next().map_or(0, |pair| pair.from.len());
    let mut system = vec![0.0; width * width];
    system.iter_mut().step_by(width + 1).for_each(|diagonal| *diagonal = regulariser);
    let mut across = vec![0.0; width * width];
    for ((_, old), (_, new)) in old.iter().zip(new) {
        add_product(&mut system, new, new, width);
        add_product(&mut across, new, old, width);
    }
    let system =
        Cholesky::new(system, width).expect("a regulariser above 0 makes it positive definite");
    let one = |pair: &Pair| {
        let right: Vec<f64> =
            across.chunks_exact(width).map(|row| crate::cholesky::dot(row, &pair.from)).collect();
        Pair { from: system.solve(&right), to: pair.to.clone() }
    };
    edits.iter().map(|text| text.iter().map(one).collect()).collect()
}

/// Adds aᵀ b to `sum`; both have `width` columns.
fn add_product(sum: &mut [f64], a: &[f64], b: &[f64], width: usize) {
    for (a, b) in a.chunks_exact(width).zip(b.chunks_exact(width)) {
        for (row, left) in sum.chunks_exact_mut(width).zip(a) {
            row.iter_mut().zip(b).for_each(|(value, right)| *value += left * right);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_edit_the_concept_itself_is_found() {
        let matrices = [(3, vec![1.0, 0.5, -0.25, 2.0, 0.0, 1.0])];
        let edits = vec![vec![Pair { from: vec![0.3, -1.2], to: vec![1.0, 1.0] }]];
        let found = revive(&matrices, &matrices, &edits, 1e-12);
        for (found, wanted) in found[0][0].from.iter().zip([0.3, -1.2]) {
            assert!((found - wanted).abs() < 1e-9, "{found} is not {wanted}");
        }
        assert_eq!(found[0][0].to, [1.0, 1.0]);
    }
}
