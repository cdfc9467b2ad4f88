//! UCE's normal equations, solved as a low-rank change of the old matrix.

use super::{Technique, Uce};
use crate::{
    cholesky::{Cholesky, dot},
    editing::Pair,
};

/// The matrix W that minimises, over all edits c → v* and preserved k,
/// `s_e Σ |W c − v*|² + s_p Σ |W k − W0 k|² + λ |W − W0|²`, row-major like `old` (`rows` rows).
///
/// With A = λI + s_e Σ c cᵀ + s_p Σ k kᵀ that is W0 + s_e Σ (v* − W0 c) (A⁻¹ c)ᵀ. Nothing when A is not
/// positive definite.
pub fn closed_form(
    old: &[f64],
    rows: usize,
    edits: &[Vec<Pair>],
    kept: &[Vec<f64>],
    settings: &Uce,
) -> Option<Vec<f64>> {
    let width = old.len() / rows;
    let system = Cholesky::new(normal_matrix(width, edits, kept, settings), width)?;
    let mut new = old.to_vec();
    for text in edits {
        let shifts = shifts(old, width, text, settings.technique);
        for (pair, shift) in text.iter().zip(shifts) {
            let direction = system.solve(&pair.from);
            for (row, shift) in new.chunks_exact_mut(width).zip(shift) {
                let scaled = settings.erase_scale * shift;
                row.iter_mut().zip(&direction).for_each(|(value, d)| *value += scaled * d);
            }
        }
    }
    Some(new)
}

fn normal_matrix(width: usize, edits: &[Vec<Pair>], kept: &[Vec<f64>], settings: &Uce) -> Vec<f64> {
    let mut matrix = vec![0.0; width * width];
    matrix.iter_mut().step_by(width + 1).for_each(|diagonal| *diagonal = settings.lambda);
    let erased = edits.iter().flatten().map(|pair| (settings.erase_scale, &pair.from));
    for (scale, vector) in erased.chain(kept.iter().map(|kept| (settings.preserve_scale, kept))) {
        for (row, left) in matrix.chunks_exact_mut(width).zip(vector) {
            row.iter_mut().zip(vector).for_each(|(value, right)| *value += scale * left * right);
        }
    }
    matrix
}

/// v* − W0 c for every token of one text.
fn shifts(old: &[f64], width: usize, text: &[Pair], technique: Technique) -> Vec<Vec<f64>> {
    let times = |x: &[f64]| old.chunks_exact(width).map(|row| dot(row, x)).collect::<Vec<_>>();
    let before: Vec<_> = text.iter().map(|pair| times(&pair.from)).collect();
    let mut after: Vec<_> = text.iter().map(|pair| times(&pair.to)).collect();
    if technique == Technique::Tensor {
        // The release measures the part along the old values over all tokens of the text together.
        let norm: f64 = before.iter().map(|b| dot(b, b)).sum();
        let along: f64 = before.iter().zip(&after).map(|(b, a)| dot(b, a)).sum();
        for (a, b) in after.iter_mut().zip(&before) {
            a.iter_mut().zip(b).for_each(|(a, b)| *a -= along / norm.max(f64::MIN_POSITIVE) * b);
        }
    }
    let minus = |(a, b): (Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(a, b)| a - b).collect();
    after.into_iter().zip(&before).map(minus).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lot::Lot;
    use rand::Rng as _;

    const ROWS: usize = 5;
    const WIDTH: usize = 7;

    fn vector(lot: u64, length: usize) -> Vec<f64> {
        let mut rng = Lot::new(lot).rng();
        (0..length).map(|_| rng.random_range(-1.0..1.0)).collect()
    }

    fn pair(lot: u64) -> Pair {
        Pair { from: vector(lot, WIDTH), to: vector(lot + 1000, WIDTH) }
    }

    fn close(a: &[f64], b: &[f64]) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12)
    }

    #[test]
    fn no_edit_changes_nothing() {
        let old = vector(1, ROWS * WIDTH);
        let kept = [vector(2, WIDTH)];
        assert_eq!(closed_form(&old, ROWS, &[], &kept, &Uce::default()).unwrap(), old);
    }

    #[test]
    fn a_single_edit_is_the_rank_one_formula() {
        let (old, pair) = (vector(1, ROWS * WIDTH), pair(2));
        let new = closed_form(&old, ROWS, &[vec![pair.clone()]], &[], &Uce::default()).unwrap();
        let norm = 0.5 + dot(&pair.from, &pair.from);
        let expected: Vec<f64> = old
            .chunks_exact(WIDTH)
            .flat_map(|row| {
                let shift = (dot(row, &pair.to) - dot(row, &pair.from)) / norm;
                row.iter().zip(&pair.from).map(move |(w, e)| w + shift * e).collect::<Vec<_>>()
            })
            .collect();
        assert!(close(&new, &expected));
    }

    #[test]
    fn the_normal_equations_hold() {
        let old = vector(1, ROWS * WIDTH);
        let edits = [vec![pair(2), pair(3)], vec![pair(4)]];
        let kept = [vector(5, WIDTH), vector(6, WIDTH)];
        let settings = Uce { erase_scale: 1.5, preserve_scale: 0.7, ..Uce::default() };
        let new = closed_form(&old, ROWS, &edits, &kept, &settings).unwrap();
        let a = normal_matrix(WIDTH, &edits, &kept, &settings);
        for (row, before) in new.chunks_exact(WIDTH).zip(old.chunks_exact(WIDTH)) {
            for column in 0..WIDTH {
                let left: f64 = (0..WIDTH).map(|k| row[k] * a[k * WIDTH + column]).sum();
                let erased: f64 =
                    edits.iter().flatten().map(|p| 1.5 * dot(before, &p.to) * p.from[column]).sum();
                let stays: f64 = kept.iter().map(|k| 0.7 * dot(before, k) * k[column]).sum();
                assert!((left - (0.5 * before[column] + erased + stays)).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn preserving_shrinks_the_shift_but_does_not_null_it() {
        let old = vector(1, ROWS * WIDTH);
        let (edit, kept) = (pair(2), vector(5, WIDTH));
        let moved = |kept: &[Vec<f64>], probe: &[f64]| {
            let new =
                closed_form(&old, ROWS, &[vec![edit.clone()]], kept, &Uce::default()).unwrap();
            let rows = new.chunks_exact(WIDTH).zip(old.chunks_exact(WIDTH));
            rows.map(|(n, o)| (dot(n, probe) - dot(o, probe)).powi(2)).sum::<f64>()
        };
        let (without, with) = (moved(&[], &kept), moved(std::slice::from_ref(&kept), &kept));
        assert!(with < without && with > 0.0);
    }
}
