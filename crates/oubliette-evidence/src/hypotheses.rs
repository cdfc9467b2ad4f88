//! Hypotheses of a comparison, judged: supported, contradicted or unresolved, and nothing before all of their cells are there.
//!
//! Two methods are compared cell by cell on the same concept and seed. What is drawn from a larger whole are concepts where each is forgotten by
//! a model of its own, and seeds otherwise: of each of them one mean difference, and over these Student's interval. A trend is a rank correlation over
//! methods, the mean over concepts or seeds; what decides is how rarely numbers exchanged between the methods would agree as well. The error of 5 in
//! 100 is shared by all hypotheses and trends of a recipe (Bonferroni).

mod equal;
mod judging;
mod trend;
mod value;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::recipe::{CompareRecipe, ComparedCell, Hypothesis, Trend};
use crate::report::ComparedAudit;
use crate::stats::Interval;

/// The error that all hypotheses and trends of a recipe share.
pub(crate) const ERROR: f64 = 0.05;

/// All hypotheses of a comparison.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Claims<'a> {
    /// Each with what became of it.
    pub judged: Vec<Judged<'a, Hypothesis, Seen>>,
    /// The same of trends.
    pub trends: Vec<Judged<'a, Trend, Along>>,
    /// When they were claimed.
    pub when: When,
}

/// When claims were made, seen from the cells that they are about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum When {
    /// Nothing has come of any cell yet.
    #[default]
    Ahead,
    /// They are those that were noted before the first cell was kept.
    Before,
    /// They are others, or none were noted.
    After,
}

/// A hypothesis or a trend, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged<'a, C, S> {
    /// What was claimed.
    pub claimed: &'a C,
    /// What came of it.
    pub outcome: Outcome<S>,
}

/// What came of a claim.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Outcome<S> {
    /// So many of its cells are not there yet.
    Open {
        /// Cells that are missing.
        missing: usize,
    },
    /// All are there.
    Seen(S),
}

/// The difference of two methods, the better one minus the other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    /// What it says of the claim.
    pub says: Says,
    /// Mean of each side over the units.
    pub means: Option<[f64; 2]>,
    /// Mean over the units, in the direction that is good, with its interval.
    pub gain: Option<Interval>,
    /// Units that the interval is over, and what they are.
    pub units: (usize, Unit),
    /// Pairs that could be compared, and all.
    pub pairs: [usize; 2],
}

/// How a measure goes with a number that methods have.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Along {
    /// What it says of the claim.
    pub says: Says,
    /// Mean over the units of Spearman's rank correlation, 1 where the measure gets better with the number everywhere.
    pub correlation: Option<f64>,
    /// Student's interval for it; none where all units have the same.
    pub interval: Option<Interval>,
    /// How often numbers exchanged between the methods, in all pairs alike, correlate as much in either direction.
    pub p: Option<f64>,
    /// Units that the mean is over, and what they are.
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

/// What was seen says of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// The interval lies on the claim's side of zero; a trend is steeper than chance makes it.
    Supported,
    /// The same on the other side.
    Contradicted,
    /// Neither, or there is no interval: too few units, or no difference between them; or too many pairs could not be compared.
    Unresolved,
}

/// Judges every hypothesis and trend of a recipe by the audits of its `cells` that are there; `diverged` cells, by their names, will never be, and what they
/// stand for cannot be compared.
pub fn judged<'a>(
    recipe: &'a CompareRecipe,
    cells: &[ComparedCell],
    audits: &[ComparedAudit],
    diverged: &BTreeMap<String, String>,
    when: When,
) -> Claims<'a> {
    let all = recipe.hypothesis.len() + recipe.trend.len();
    let judge =
        judging::Judge { recipe, cells, audits, diverged, error: ERROR / all.max(1) as f64 };
    let hypothesis = |claimed| Judged { claimed, outcome: judge.hypothesis(claimed) };
    let trend = |claimed| Judged { claimed, outcome: judge.trend(claimed) };
    Claims {
        judged: recipe.hypothesis.iter().map(hypothesis).collect(),
        trends: recipe.trend.iter().map(trend).collect(),
        when,
    }
}
