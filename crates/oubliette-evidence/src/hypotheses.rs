//! Hypotheses of a comparison, judged: supported, contradicted or unresolved, and nothing before all of their cells are there.
//!
//! Two methods are compared cell by cell on the same concept and seed. What is drawn from a larger whole are concepts where each is forgotten by
//! a model of its own, and seeds otherwise: of each of them one mean difference, and over these Student's interval. Of a trend, the difference is
//! a rank correlation. The error of 5 in 100 is shared by all hypotheses and trends of a recipe (Bonferroni).

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
const ERROR: f64 = 0.05;

/// All hypotheses of a comparison.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Claims<'a> {
    /// Each with what became of it.
    pub judged: Vec<Judged<'a, Hypothesis>>,
    /// The same of trends.
    pub trends: Vec<Judged<'a, Trend>>,
    /// Whether they are those that were noted before the first cell was kept.
    pub beforehand: bool,
}

/// A hypothesis or a trend, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged<'a, C> {
    /// What was claimed.
    pub claimed: &'a C,
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

/// The difference of two methods, the better one minus the other; or the rank correlation of a trend.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    /// What it says of the claim.
    pub says: Says,
    /// Mean of each side over all pairs; a trend has no sides.
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

/// Judges every hypothesis and trend of a recipe by the audits of its `cells` that are there; `diverged` cells, by their names, will never be, and what they
/// stand for cannot be compared. `beforehand` says whether the claims were noted before the first cell.
pub fn judged<'a>(
    recipe: &'a CompareRecipe,
    cells: &[ComparedCell],
    audits: &[ComparedAudit],
    diverged: &BTreeMap<String, String>,
    beforehand: bool,
) -> Claims<'a> {
    let all = recipe.hypothesis.len() + recipe.trend.len();
    let judge =
        judging::Judge { recipe, cells, audits, diverged, error: ERROR / all.max(1) as f64 };
    let hypothesis = |claimed| Judged { claimed, outcome: judge.hypothesis(claimed) };
    let trend = |claimed| Judged { claimed, outcome: judge.trend(claimed) };
    Claims {
        judged: recipe.hypothesis.iter().map(hypothesis).collect(),
        trends: recipe.trend.iter().map(trend).collect(),
        beforehand,
    }
}
