//! SPEED's three steps on one matrix: a trial, what it would harm, and the edit that does not.

use super::{Retained, Speed, constrained::constrained, retained::refined};
use crate::editing::{NullSpace, Pair, changed, modes};

/// The matrix after SPEED's edit, row-major like `old` (`rows` rows); nothing where γ is not above 0.
///
/// Outputs of `retained` move by what they have along directions below the threshold, those of `invariant` not at all where λ is 0.
pub fn null_space_form(
    old: &[f64],
    rows: usize,
    edits: &[Vec<Pair>],
    retained: &[Retained],
    invariant: &[Vec<f64>],
    settings: &Speed,
) -> Option<Vec<f64>> {
    let trial = constrained(edits, &[], &NullSpace::everything(), 1.0, 0.0)?;
    let kept = refined(old, rows, &trial, retained, settings.filter);
    let modes = modes(kept.iter().map(Vec::as_slice), old.len() / rows);
    let null = NullSpace::beside(modes, |_, strength| strength >= settings.threshold);
    let changes = constrained(edits, invariant, &null, settings.gamma, settings.lambda)?;
    Some(changed(old, &changes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cholesky::dot, lot::Lot};
    use rand::Rng as _;

    const ROWS: usize = 5;
    const WIDTH: usize = 12;

    fn vectors(lot: u64, count: usize) -> Vec<Vec<f64>> {
        let mut rng = Lot::new(lot).rng();
        (0..count).map(|_| (0..WIDTH).map(|_| rng.random_range(-1.0..1.0)).collect()).collect()
    }

    fn retained(lot: u64, count: usize) -> Vec<Retained> {
        let one = |embedding| Retained { embedding, noise: Vec::new() };
        vectors(lot, count).into_iter().map(one).collect()
    }

    fn edits() -> Vec<Vec<Pair>> {
        let pair = |(from, to)| Pair { from, to };
        let mut pairs = vectors(2, 3).into_iter().zip(vectors(3, 3)).map(pair);
        vec![vec![pairs.next().unwrap(), pairs.next().unwrap()], pairs.collect()]
    }

    /// How far the output of x moves.
    fn moved(new: &[f64], old: &[f64], x: &[f64]) -> f64 {
        let rows = new.chunks_exact(WIDTH).zip(old.chunks_exact(WIDTH));
        rows.map(|(n, o)| (dot(n, x) - dot(o, x)).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn retained_and_invariant_outputs_stay_while_the_concept_moves() {
        let (old, retained, invariant) = (vectors(1, ROWS).concat(), retained(4, 4), vectors(5, 3));
        let settings = Speed { threshold: 1e-9, filter: false, ..Speed::default() };
        let new = null_space_form(&old, ROWS, &edits(), &retained, &invariant, &settings).unwrap();
        let retained = retained.iter().map(|one| &one.embedding);
        for x in retained.chain(&invariant) {
            assert!(moved(&new, &old, x) < 1e-12, "{}", moved(&new, &old, x));
        }
        for pair in edits().iter().flatten() {
            assert!(moved(&new, &old, &pair.from) > 0.01);
        }
    }

    #[test]
    fn below_the_threshold_a_retained_output_may_move_but_little() {
        let (old, all) = (vectors(1, ROWS).concat(), retained(4, 4));
        let largest = |threshold| {
            let settings = Speed { threshold, filter: false, ..Speed::default() };
            let new = null_space_form(&old, ROWS, &edits(), &all, &[], &settings).unwrap();
            all.iter().map(|one| moved(&new, &old, &one.embedding)).fold(0.0, f64::max)
        };
        assert!(largest(1e-9) < 1e-12);
        assert!(largest(0.5) > 1e-3 && largest(0.5) < largest(100.0));
    }

    #[test]
    fn without_retained_and_invariant_it_is_uces_rank_one_formula() {
        let (old, edits) = (vectors(1, ROWS).concat(), &edits()[1..]);
        let settings = Speed { gamma: 0.5, ..Speed::default() };
        let new = null_space_form(&old, ROWS, edits, &[], &[], &settings).unwrap();
        let uce = crate::methods::Uce::default();
        let wanted = crate::methods::closed_form(&old, ROWS, edits, &[], &uce).unwrap();
        assert!(new.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12));
    }

    #[test]
    fn an_invariant_embedding_among_the_retained_asks_for_nothing_more() {
        let (old, retained) = (vectors(1, ROWS).concat(), retained(4, 3));
        let invariant = [retained[0].embedding.clone()];
        let settings = Speed { threshold: 1e-9, filter: false, ..Speed::default() };
        let solve = |invariant| {
            null_space_form(&old, ROWS, &edits(), &retained, invariant, &settings).unwrap()
        };
        let (with, without) = (solve(&invariant), solve(&[]));
        assert!(with.iter().zip(without).all(|(a, b)| (a - b).abs() < 1e-12));
    }

    #[test]
    fn no_edit_changes_nothing() {
        let old = vectors(1, ROWS).concat();
        let new = null_space_form(&old, ROWS, &[], &retained(4, 3), &[], &Speed::default());
        assert_eq!(new.unwrap(), old);
    }
}
