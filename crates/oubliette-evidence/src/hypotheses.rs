//! Hypotheses of a comparison, judged: supported, contradicted or unresolved, and nothing before all of their cells are there.
//!
//! Two methods are compared cell by cell on the same concept and seed. What is drawn from a larger whole are concepts where each is forgotten by
//! a model of its own, and seeds otherwise: of each of them one mean difference, and over these Student's interval. The error of 5 in 100 is
//! shared by all hypotheses of a recipe (Bonferroni).

mod equal;
mod value;

use std::collections::BTreeMap;

use crate::recipe::{CompareRecipe, ComparedCell, Hypothesis, Order};
use crate::report::ComparedAudit;
use crate::stats::{Interval, mean_interval};

/// The error that all hypotheses of a recipe share.
const ERROR: f64 = 0.05;

/// A hypothesis and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged<'a> {
    /// What was claimed.
    pub hypothesis: &'a Hypothesis,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a hypothesis.
#[derive(Debug, Clone, PartialEq)]
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
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Each is forgotten by a model of its own.
    Concepts,
    /// One model forgets all concepts, or there is one concept only.
    Seeds,
}

/// What an interval says of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// It lies on the claim's side of zero.
    Supported,
    /// It lies on the other side.
    Contradicted,
    /// It holds zero, or there is none.
    Unresolved,
}

impl Seen {
    /// What the interval says.
    pub fn says(&self) -> Says {
        match self.gain {
            Some(gain) if gain.low > 0.0 => Says::Supported,
            Some(gain) if gain.high < 0.0 => Says::Contradicted,
            _ => Says::Unresolved,
        }
    }
}

/// Judges every hypothesis of a recipe by the audits of its `cells` that are there.
pub fn judged<'a>(
    recipe: &'a CompareRecipe,
    cells: &[ComparedCell],
    audits: &[ComparedAudit],
) -> Vec<Judged<'a>> {
    let error = ERROR / recipe.hypothesis.len().max(1) as f64;
    let of = |hypothesis: &'a Hypothesis| {
        let outcome = outcome(recipe, hypothesis, cells, audits, error);
        Judged { hypothesis, outcome }
    };
    recipe.hypothesis.iter().map(of).collect()
}

/// A concept and a seed.
type Pair<'a> = (&'a str, Option<u64>);

fn outcome(
    recipe: &CompareRecipe,
    hypothesis: &Hypothesis,
    cells: &[ComparedCell],
    audits: &[ComparedAudit],
    error: f64,
) -> Outcome {
    // In turn, only the last audit looks at all that was forgotten.
    let last = cells.last().map(|cell| cell.concept.as_str());
    let counts = |concept: &str| recipe.order != Some(Order::InTurn) || Some(concept) == last;
    let labels = || hypothesis.better.all().iter().chain(hypothesis.than.all());
    let needed = cells.iter().filter(|c| counts(&c.concept) && labels().any(|l| *l == c.method));
    let find = |(concept, seed): Pair<'_>, label: &str| {
        let is = |a: &&ComparedAudit| {
            (a.concept.as_str(), a.seed) == (concept, seed) && a.method == label
        };
        audits.iter().find(is)
    };
    let (mut pairs, mut missing) = (Vec::<Pair<'_>>::new(), 0);
    for cell in needed {
        let pair = (cell.concept.as_str(), cell.seed);
        missing += usize::from(find(pair, &cell.method).is_none());
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    if missing > 0 {
        return Outcome::Open { missing };
    }
    let unit = if recipe.order.is_none() && recipe.concepts.len() > 1 {
        Unit::Concepts
    } else {
        Unit::Seeds
    };
    let side = |pair, labels: &[String]| {
        let audits: Option<Vec<_>> = labels.iter().map(|label| find(pair, label)).collect();
        equal::measure(&audits?, hypothesis.by, hypothesis.at_hits)
    };
    let both = |pair| {
        let values = [side(pair, hypothesis.better.all())?, side(pair, hypothesis.than.all())?];
        Some((pair, values))
    };
    let compared: Vec<_> = pairs.iter().copied().filter_map(both).collect();
    Outcome::Seen(seen(hypothesis, &compared, pairs.len(), unit, error))
}

fn seen(
    hypothesis: &Hypothesis,
    compared: &[(Pair<'_>, [f64; 2])],
    all: usize,
    unit: Unit,
    error: f64,
) -> Seen {
    let sign = if hypothesis.by.fewer_is_better() { -1.0 } else { 1.0 };
    let mut gains: BTreeMap<Pair<'_>, Vec<f64>> = BTreeMap::new();
    for &((concept, seed), [better, than]) in compared {
        let key = match unit {
            Unit::Concepts => (concept, None),
            Unit::Seeds => ("", seed),
        };
        gains.entry(key).or_default().push(sign * (better - than));
    }
    let gains: Vec<f64> = gains.values().map(|values| mean(values)).collect();
    let of =
        |side: usize| mean(&compared.iter().map(|(_, values)| values[side]).collect::<Vec<_>>());
    Seen {
        means: (!compared.is_empty()).then(|| [of(0), of(1)]),
        gain: mean_interval(&gains, error),
        units: (gains.len(), unit),
        pairs: [compared.len(), all],
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
