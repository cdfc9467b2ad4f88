//! Which cells a claim needs; and of two methods, what each pair of cells says, and what all of them say together.

use std::collections::BTreeMap;

use super::{Outcome, Says, Seen, Unit, equal};
use crate::recipe::{CompareRecipe, ComparedCell, Hypothesis, Measure, Order};
use crate::report::ComparedAudit;
use crate::stats::{Interval, mean_interval};

/// The share of all pairs that must be comparable: those in which a side never forgets enough, or diverges, are not left out at random.
const ENOUGH: f64 = 0.9;

/// A concept and a seed.
pub(super) type Pair<'a> = (&'a str, Option<u64>);

/// What all hypotheses of a recipe are judged by.
pub(super) struct Judge<'a> {
    pub(super) recipe: &'a CompareRecipe,
    pub(super) cells: &'a [ComparedCell],
    pub(super) audits: &'a [ComparedAudit],
    pub(super) diverged: &'a BTreeMap<String, String>,
    /// The probability with which an interval may miss.
    pub(super) error: f64,
}

impl<'a> Judge<'a> {
    /// Two methods, or two lines of settings, on the same concepts and seeds.
    pub(super) fn hypothesis(&self, claimed: &Hypothesis) -> Outcome<Seen> {
        let [better, than] = [claimed.better.all(), claimed.than.all()];
        let pairs = match self.pairs(&[better, than].concat()) {
            Ok(pairs) => pairs,
            Err(missing) => return Outcome::Open { missing },
        };
        let sides = |pair| {
            let side = |labels| self.side(claimed, pair, labels);
            Some((pair, [side(better)?, side(than)?]))
        };
        let compared: Vec<_> = pairs.iter().copied().filter_map(sides).collect();
        Outcome::Seen(self.seen(claimed.by, &compared, pairs.len()))
    }

    /// The concepts and seeds on which methods are compared, once all of their cells are there or diverged; else how many are missing.
    pub(super) fn pairs(&self, labels: &[String]) -> Result<Vec<Pair<'a>>, usize> {
        let needed: Vec<_> = self.needed(labels).collect();
        let there = |cell: &&&ComparedCell| {
            let lost = self.diverged.contains_key(&cell.name());
            lost || self.audit(pair(cell), &cell.method).is_some()
        };
        let missing = needed.len() - needed.iter().filter(there).count();
        let mut pairs: Vec<Pair<'_>> = Vec::new();
        for pair in needed.into_iter().map(pair) {
            if !pairs.contains(&pair) {
                pairs.push(pair);
            }
        }
        if missing > 0 { Err(missing) } else { Ok(pairs) }
    }

    /// The cells of some methods. In turn, only the last audit looks at all that was forgotten.
    fn needed(&self, labels: &[String]) -> impl Iterator<Item = &'a ComparedCell> {
        let in_turn = self.recipe.order == Some(Order::InTurn);
        let last = self.cells.last().map(|cell| cell.concept.as_str());
        let counts = move |cell: &ComparedCell| !in_turn || Some(cell.concept.as_str()) == last;
        self.cells.iter().filter(move |cell| counts(cell) && labels.contains(&cell.method))
    }

    pub(super) fn audit(
        &self,
        (concept, seed): Pair<'_>,
        method: &str,
    ) -> Option<&'a ComparedAudit> {
        let is = |a: &&ComparedAudit| a.concept == concept && a.seed == seed && a.method == method;
        self.audits.iter().find(is)
    }

    fn side(&self, hypothesis: &Hypothesis, pair: Pair<'_>, labels: &[String]) -> Option<f64> {
        let audits: Option<Vec<_>> = labels.iter().map(|label| self.audit(pair, label)).collect();
        equal::measure(&audits?, hypothesis.by, hypothesis.at_hits)
    }

    pub(super) fn unit(&self) -> Unit {
        let alone = self.recipe.order.is_none() && self.recipe.concepts.len() > 1;
        if alone { Unit::Concepts } else { Unit::Seeds }
    }

    /// Whether so many pairs that could be compared speak for all.
    pub(super) fn are_enough(&self, compared: usize, all: usize) -> bool {
        compared as f64 >= ENOUGH * all as f64
    }

    /// What both sides of pairs say together.
    fn seen(&self, by: Measure, compared: &[(Pair<'_>, [f64; 2])], all: usize) -> Seen {
        let unit = self.unit();
        let mut sides: BTreeMap<Pair<'_>, Vec<[f64; 2]>> = BTreeMap::new();
        for &(pair, values) in compared {
            sides.entry(unit.key(pair)).or_default().push(values);
        }
        let over_units = |of: &dyn Fn(&[f64; 2]) -> f64| -> Vec<f64> {
            sides.values().map(|unit| mean(unit.iter().map(of))).collect()
        };
        let [better, than] = [0, 1].map(|side| over_units(&|values| values[side]));
        let gains = over_units(&|[better, than]| sign(by) * (better - than));
        let gain = mean_interval(&gains, self.error);
        let enough = self.are_enough(compared.len(), all);
        Seen {
            says: gain.filter(|_| enough).map_or(Says::Unresolved, says),
            means: (!sides.is_empty())
                .then(|| [better, than].map(|side| mean(side.iter().copied()))),
            gain,
            units: (sides.len(), unit),
            pairs: [compared.len(), all],
        }
    }
}

impl Unit {
    /// What the pairs of one unit share.
    pub(super) fn key(self, (concept, seed): Pair<'_>) -> Pair<'_> {
        match self {
            Self::Concepts => (concept, None),
            Self::Seeds => ("", seed),
        }
    }
}

/// More of a measure is better, or less.
pub(super) fn sign(by: Measure) -> f64 {
    if by.fewer_is_better() { -1.0 } else { 1.0 }
}

/// What an interval of the gain says of the claim.
fn says(gain: Interval) -> Says {
    match gain {
        gain if gain.low > 0.0 => Says::Supported,
        gain if gain.high < 0.0 => Says::Contradicted,
        _ => Says::Unresolved,
    }
}

fn pair(cell: &ComparedCell) -> Pair<'_> {
    (&cell.concept, cell.seed)
}

pub(super) fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len();
    values.sum::<f64>() / count as f64
}
