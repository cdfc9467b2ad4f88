//! Which embeddings bound the null space of one matrix: those that the erasure would move most, and their neighbours.

use crate::{
    cholesky::dot,
    editing::{Change, modes},
};

/// An embedding that should keep its output, and how far its neighbours lie from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Retained {
    /// The embedding.
    pub embedding: Vec<f64>,
    /// Standard normal numbers, one for each neighbour.
    pub noise: Vec<f64>,
}

/// The retained embeddings that count for the matrix `old` (`rows` rows), which an unbounded erasure would change by `trial`.
///
/// Prior filtering keeps those that the trial moves by more than the mean; where none is above it, all. Prior augmentation adds
/// r + g v for every number g beside a kept r, v being the input that `old` passes on least, and filters those too.
pub(super) fn refined(
    old: &[f64],
    rows: usize,
    trial: &[Change],
    retained: &[Retained],
    filter: bool,
) -> Vec<Vec<f64>> {
    let width = old.len() / rows;
    let moves: Vec<Vec<f64>> = trial
        .iter()
        .map(|change| old.chunks_exact(width).map(|row| dot(row, &change.shift)).collect())
        .collect();
    let moved = |x: &Vec<f64>| moved(trial, &moves, x);
    let mut kept: Vec<&Retained> = retained.iter().collect();
    if filter {
        kept = above_mean(kept, |one| moved(&one.embedding));
    }
    let mut all: Vec<Vec<f64>> = kept.iter().map(|one| one.embedding.clone()).collect();
    if kept.iter().any(|one| !one.noise.is_empty()) {
        let quiet = quietest(old, rows);
        let near = kept.iter().flat_map(|one| neighbours(one, &quiet)).collect();
        all.extend(above_mean(near, moved));
    }
    all
}

/// |Σ (W shift) (along · x)|: how far the trial would move the output of x.
fn moved(trial: &[Change], moves: &[Vec<f64>], x: &[f64]) -> f64 {
    let mut sum = vec![0.0; moves.first().map_or(0, Vec::len)];
    for (change, by) in trial.iter().zip(moves) {
        let part = dot(&change.along, x);
        sum.iter_mut().zip(by).for_each(|(value, by)| *value += part * by);
    }
    dot(&sum, &sum).sqrt()
}

fn above_mean<T>(items: Vec<T>, size: impl Fn(&T) -> f64) -> Vec<T> {
    let sizes: Vec<f64> = items.iter().map(size).collect();
    let mean = sizes.iter().sum::<f64>() / sizes.len().max(1) as f64;
    if !sizes.iter().any(|size| *size > mean) {
        return items;
    }
    items.into_iter().zip(sizes).filter(|(_, size)| *size > mean).map(|(item, _)| item).collect()
}

/// The right singular vector of the smallest singular value; a matrix with fewer rows than columns has as many as rows.
fn quietest(old: &[f64], rows: usize) -> Vec<f64> {
    let width = old.len() / rows;
    modes(old.chunks_exact(width), width).swap_remove(rows.min(width) - 1).direction
}

fn neighbours<'a>(one: &'a Retained, direction: &'a [f64]) -> impl Iterator<Item = Vec<f64>> + 'a {
    one.noise.iter().map(move |noise| {
        one.embedding.iter().zip(direction).map(|(value, d)| value + noise * d).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retained(embedding: &[f64], noise: &[f64]) -> Retained {
        Retained { embedding: embedding.to_vec(), noise: noise.to_vec() }
    }

    /// Moves the output of x by x's first entry.
    fn trial() -> Vec<Change> {
        vec![Change { shift: vec![1.0, 0.0, 0.0], along: vec![1.0, 0.0, 0.0] }]
    }

    const OLD: [f64; 6] = [1.0, 0.0, 0.0, 0.0, 0.5, 0.0];

    #[test]
    fn what_the_erasure_would_hardly_move_does_not_count() {
        let all = [retained(&[3.0, 0.0, 1.0], &[]), retained(&[0.1, 2.0, 0.0], &[])];
        assert_eq!(refined(&OLD, 2, &trial(), &all, true), [[3.0, 0.0, 1.0]]);
        assert_eq!(refined(&OLD, 2, &trial(), &all, false).len(), 2);
    }

    #[test]
    fn where_all_count_alike_all_are_kept() {
        let one = [retained(&[3.0, 0.0, 1.0], &[])];
        assert_eq!(refined(&OLD, 2, &trial(), &one, true), [[3.0, 0.0, 1.0]]);
        assert!(refined(&OLD, 2, &trial(), &[], true).is_empty());
    }

    #[test]
    fn neighbours_lie_where_the_matrix_passes_least_on() {
        // Of the two singular values the smaller belongs to the second axis; the third is in no row.
        let one = [retained(&[3.0, 0.0, 1.0], &[2.0, -0.5])];
        let all = refined(&OLD, 2, &trial(), &one, true);
        assert_eq!(all, [[3.0, 0.0, 1.0], [3.0, 2.0, 1.0], [3.0, -0.5, 1.0]]);
    }
}
