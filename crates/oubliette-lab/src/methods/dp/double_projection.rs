//! The two projections: onto what is safe, and beside what is preserved.

use super::Dp;
use crate::{
    cholesky::dot,
    editing::{Change, NullSpace, modes, pseudo_inverse},
};

/// A target whose part beside what is preserved is this share of it is one of the preserved, up to rounding: embeddings have single precision.
const NOTHING: f64 = 1e-4;

/// The changes of rank one that give the targets c the outputs of their projections c* onto the span of `safe`, and
/// leave the outputs of `kept` as they are.
///
/// With z = P c, P the projector beside `kept` (U2 U2ᵀ), and G the matrix of products of all z, that is
/// `Σ_i W0 (c*_i − c_i) (Σ_j G⁺_ij z_j)ᵀ`, for one target `W0 (c* − c) zᵀ / |z|²`. Nothing where a z is none.
pub fn double_projection(
    targets: &[Vec<f64>],
    safe: &[Vec<f64>],
    kept: &[Vec<f64>],
    settings: &Dp,
) -> Option<Vec<Change>> {
    let safe = beside(safe, usize::MAX, settings.tolerance);
    let kept = beside(kept, settings.rank.unwrap_or(usize::MAX), settings.tolerance);
    let parts: Vec<_> = targets.iter().map(|target| kept.project(target)).collect();
    let nothing = |(part, target): (&Vec<f64>, &Vec<f64>)| {
        dot(part, part) <= NOTHING * NOTHING * dot(target, target)
    };
    if parts.iter().zip(targets).any(nothing) {
        return None;
    }
    let count = targets.len();
    let products: Vec<f64> =
        parts.iter().flat_map(|a| parts.iter().map(move |b| dot(a, b))).collect();
    let largest = products.iter().step_by(count + 1).copied().fold(0.0, f64::max);
    let inverse = pseudo_inverse(&products, count, NOTHING * NOTHING * largest);
    let change = |(target, row): (&Vec<f64>, &[f64])| Change {
        shift: safe.project(target).into_iter().map(|outside| -outside).collect(),
        along: sum(row, &parts),
    };
    Some(targets.iter().zip(inverse.chunks_exact(count.max(1))).map(change).collect())
}

/// What lies beside the `rank` strongest directions of `vectors`, without those whose singular value is below `tolerance` of the largest.
fn beside(vectors: &[Vec<f64>], rank: usize, tolerance: f64) -> NullSpace {
    let width = vectors.first().map_or(1, Vec::len);
    let modes = modes(vectors.iter().map(Vec::as_slice), width);
    let least = modes.first().map_or(0.0, |mode| tolerance * tolerance * mode.strength);
    NullSpace::beside(modes, |at, strength| at < rank && strength > least)
}

/// Σ_j weight_j vector_j.
fn sum(weights: &[f64], vectors: &[Vec<f64>]) -> Vec<f64> {
    let mut sum = vec![0.0; vectors.first().map_or(0, Vec::len)];
    for (weight, vector) in weights.iter().zip(vectors) {
        sum.iter_mut().zip(vector).for_each(|(value, v)| *value += weight * v);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{editing::changed, lot::Lot};
    use rand::Rng as _;

    const WIDTH: usize = 8;

    fn vectors(lot: u64, count: usize) -> Vec<Vec<f64>> {
        let mut rng = Lot::new(lot).rng();
        (0..count).map(|_| (0..WIDTH).map(|_| rng.random_range(-1.0..1.0)).collect()).collect()
    }

    /// What a matrix makes of x.
    fn times(matrix: &[f64], x: &[f64]) -> Vec<f64> {
        matrix.chunks_exact(WIDTH).map(|row| dot(row, x)).collect()
    }

    fn close(a: &[f64], b: &[f64]) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-10)
    }

    #[test]
    fn preserved_outputs_stay_and_targets_get_the_safe_ones() {
        let (old, targets) = (vectors(1, 5).concat(), vectors(2, 2));
        let (safe, kept) = (vectors(3, 2), vectors(4, 4));
        let changes = double_projection(&targets, &safe, &kept, &Dp::default()).unwrap();
        let new = changed(&old, &changes);
        for kept in &kept {
            assert!(close(&times(&new, kept), &times(&old, kept)));
        }
        let outside = beside(&safe, usize::MAX, 1e-6);
        for target in &targets {
            let rest = outside.project(target);
            let nearest: Vec<f64> = target.iter().zip(&rest).map(|(a, b)| a - b).collect();
            assert!(close(&times(&new, target), &times(&old, &nearest)));
        }
    }

    #[test]
    fn one_target_is_the_formula_of_the_paper() {
        let (targets, safe, kept) = (vectors(2, 1), vectors(3, 3), vectors(4, 4));
        let changes = double_projection(&targets, &safe, &kept, &Dp::default()).unwrap();
        let part = beside(&kept, usize::MAX, 1e-6).project(&targets[0]);
        let along: Vec<f64> = part.iter().map(|value| value / dot(&part, &part)).collect();
        assert!(changes.len() == 1 && close(&changes[0].along, &along));
    }

    #[test]
    fn a_rank_bounds_what_is_preserved() {
        let (targets, safe, kept) = (vectors(2, 1), vectors(3, 3), vectors(4, 6));
        let norm = |rank| {
            let settings = Dp { rank: Some(rank), ..Dp::default() };
            let along = &double_projection(&targets, &safe, &kept, &settings).unwrap()[0].along;
            dot(along, along)
        };
        assert!(norm(2) < norm(4) && norm(4) < norm(6));
    }

    #[test]
    fn a_target_among_the_preserved_has_no_solution() {
        let kept = vectors(4, 3);
        assert!(double_projection(&kept[..1], &vectors(3, 2), &kept, &Dp::default()).is_none());
        assert!(
            double_projection(&vectors(2, 1), &kept, &vectors(4, WIDTH), &Dp::default()).is_none()
        );
    }
}
