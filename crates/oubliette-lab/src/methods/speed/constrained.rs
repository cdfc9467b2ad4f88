//! The edit within a null space under which certain outputs do not move: SPEED's closed form.

use crate::{
    cholesky::{Cholesky, dot},
    editing::{Change, NullSpace, Pair, pseudo_inverse},
};

/// An invariant embedding with no more than this share of its square in the null space asks for nothing: its output stays anyway.
const NOTHING: f64 = 1e-10;

/// The changes of rank one that sum up to SPEED's ΔW.
///
/// With D the mean over texts of Σ (c* − c) cᵀ, S that of Σ c cᵀ, P the projector of `null`, K the invariant embeddings and
/// M = (S P + γ I)⁻¹: `ΔW = W D P [I − M K (Kᵀ P M K + λ I)⁺ Kᵀ P] M`. Because P M = Q is symmetric, that is
/// `Σ W (c* − c) (T c)ᵀ` over texts and tokens, with `T = Q − Q K (Kᵀ Q K + λ I)⁺ Kᵀ Q` and Q x = (P S P + γ I)⁻¹ P x.
/// Nothing where γ is not above 0.
pub(super) fn constrained(
    edits: &[Vec<Pair>],
    invariant: &[Vec<f64>],
    null: &NullSpace,
    gamma: f64,
    lambda: f64,
) -> Option<Vec<Change>> {
    let Some(width) = edits.iter().flatten().map(|pair| pair.from.len()).next() else {
        return Some(Vec::new());
    };
    let system = Cholesky::new(system(edits, null, gamma, width), width)?;
    let inside = |x: &[f64]| null.project(&system.solve(&null.project(x)));
    let held: Vec<_> = invariant.iter().map(|x| inside(x)).collect();
    let longest = invariant.iter().map(|x| dot(x, x)).fold(0.0, f64::max);
    let least = NOTHING * longest / gamma;
    let inverse = pseudo_inverse(&products(invariant, &held, lambda), held.len(), least);
    let change = |pair: &Pair| {
        let mut along = inside(&pair.from);
        let parts: Vec<f64> = invariant.iter().map(|x| dot(x, &along)).collect();
        for (row, held) in inverse.chunks_exact(held.len().max(1)).zip(&held) {
            let part = dot(row, &parts);
            along.iter_mut().zip(held).for_each(|(value, h)| *value -= part * h);
        }
        along.iter_mut().for_each(|value| *value /= edits.len() as f64);
        let shift = pair.to.iter().zip(&pair.from).map(|(to, from)| to - from).collect();
        Change { shift, along }
    };
    Some(edits.iter().flatten().map(change).collect())
}

/// P S P + γ I, row-major.
fn system(edits: &[Vec<Pair>], null: &NullSpace, gamma: f64, width: usize) -> Vec<f64> {
    let mut matrix = vec![0.0; width * width];
    matrix.iter_mut().step_by(width + 1).for_each(|diagonal| *diagonal = gamma);
    for pair in edits.iter().flatten() {
        let part = null.project(&pair.from);
        for (row, left) in matrix.chunks_exact_mut(width).zip(&part) {
            let left = left / edits.len() as f64;
            row.iter_mut().zip(&part).for_each(|(value, right)| *value += left * right);
        }
    }
    matrix
}

/// Kᵀ Q K + λ I.
fn products(invariant: &[Vec<f64>], held: &[Vec<f64>], lambda: f64) -> Vec<f64> {
    let row = |a: usize| {
        let diagonal = move |b: usize| if a == b { lambda } else { 0.0 };
        (0..held.len()).map(move |b| {
            // Both halves, so that rounding leaves it symmetric.
            let across = dot(&invariant[a], &held[b]) + dot(&invariant[b], &held[a]);
            across / 2.0 + diagonal(b)
        })
    };
    (0..held.len()).flat_map(row).collect()
}
