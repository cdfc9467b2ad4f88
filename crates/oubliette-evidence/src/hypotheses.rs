//! Hypotheses of a comparison, judged: supported, contradicted or unresolved, and nothing before all of their cells are there.
//!
//! Two methods are compared cell by cell on the same concept and seed. What is drawn from a larger whole are concepts where each is forgotten by
//! a model of its own, and seeds otherwise: of each of them one mean difference, and over these Student's interval. The error of 5 in 100 is
//! shared by all hypotheses of a recipe (Bonferroni).

mod equal;
mod judging;
mod value;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::recipe::{CompareRecipe, ComparedCell, Hypothesis};
use crate::report::ComparedAudit;
use crate::stats::Interval;

/// The error that all hypotheses of a recipe share.
const ERROR: f64 = 0.05;

/// All hypotheses of a comparison.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Claims<'a> {
    /// Each with what became of it.
    pub judged: Vec<Judged<'a>>,
    /// Whether they are those that were noted before the first cell was kept.
    pub beforehand: bool,
}

/// A hypothesis and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged<'a> {
    /// What was claimed.
    pub hypothesis: &'a Hypothesis,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a hypothesis.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Outcome {
    /// So many of its cells are not there yet.
    Open {
        /// Cells that are missing.
        missing: usize,
    },
    /// All are there.
    Seen(Seen),
}

/// The difference of two methods, the better one minus the other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    /// What it says of the claim.
    pub says: Says,
    /// Mean of each side over all pairs.
    pub means: Option<[f64; 2]>,
    /// Mean over the units, in the direction that is good, with its interval.
    pub gain: Option<Interval>,
    /// Units that the interval is over, and what they are.
    pub units: (usize, Unit),
    /// Pairs that could be compared, and all.
    pub pairs: [usize; 2],
}

/// What is drawn from a larger whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Each is forgotten by a model of its own.
    Concepts,
    /// One model forgets all concepts, or there is one concept only.
    Seeds,
}

/// What an interval says of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// It lies on the claim's side of zero.
    Supported,
    /// It lies on the other side.
    Contradicted,
    /// It holds zero, or there is none: too few units, or no difference between them; or too many pairs could not be compared.
    Unresolved,
}

/// Judges every hypothesis of a recipe by the audits of its `cells` that are there; `diverged` cells, by their names, will never be, and what they
/// stand for cannot be compared.
pub fn judged<'a>(
    recipe: &'a CompareRecipe,
    cells: &[ComparedCell],
    audits: &[ComparedAudit],
    diverged: &BTreeMap<String, String>,
) -> Vec<Judged<'a>> {
    let error = ERROR / recipe.hypothesis.len().max(1) as f64;
    let judge = judging::Judge { recipe, cells, audits, diverged, error };
    let of = |hypothesis| Judged { hypothesis, outcome: judge.outcome(hypothesis) };
    recipe.hypothesis.iter().map(of).collect()
}
