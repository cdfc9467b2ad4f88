//! One hypothesis: which cells it needs, what each pair of them says, and what all of them say together.

use std::collections::BTreeMap;

use super::{Outcome, Says, Seen, Unit, equal};
use crate::recipe::{CompareRecipe, ComparedCell, Hypothesis, Order};
use crate::report::ComparedAudit;
use crate::stats::{Interval, mean_interval};

/// The share of all pairs that must be comparable: those in which a side never forgets enough, or diverges, are not left out at random.
const ENOUGH: f64 = 0.9;

/// A concept and a seed.
type Pair<'a> = (&'a str, Option<u64>);

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
    pub(super) fn outcome(&self, hypothesis: &Hypothesis) -> Outcome {
        let needed: Vec<_> = self.needed(hypothesis).collect();
        let there = |cell: &&&ComparedCell| {
            let lost = self.diverged.contains_key(&cell.name());
            lost || self.audit(pair(cell), &cell.method).is_some()
        };
        let missing = needed.len() - needed.iter().filter(there).count();
        if missing > 0 {
            return Outcome::Open { missing };
        }
        let mut pairs: Vec<Pair<'_>> = Vec::new();
        for pair in needed.into_iter().map(pair) {
            if !pairs.contains(&pair) {
                pairs.push(pair);
            }
        }
        let both = |pair| {
            let [better, than] = [&hypothesis.better, &hypothesis.than];
            Some((
                pair,
                [
                    self.side(hypothesis, pair, better.all())?,
                    self.side(hypothesis, pair, than.all())?,
                ],
            ))
        };
        let compared: Vec<_> = pairs.iter().copied().filter_map(both).collect();
        Outcome::Seen(self.seen(hypothesis, &compared, pairs.len()))
    }

    /// The cells of both sides. In turn, only the last audit looks at all that was forgotten.
    fn needed(&self, hypothesis: &Hypothesis) -> impl Iterator<Item = &'a ComparedCell> {
        let in_turn = self.recipe.order == Some(Order::InTurn);
        let last = self.cells.last().map(|cell| cell.concept.as_str());
        let counts = move |cell: &ComparedCell| !in_turn || Some(cell.concept.as_str()) == last;
        let asked = |cell: &ComparedCell| {
            let mut labels = hypothesis.better.all().iter().chain(hypothesis.than.all());
            labels.any(|label| *label == cell.method)
        };
        self.cells.iter().filter(move |cell| counts(cell) && asked(cell))
    }

    fn audit(&self, (concept, seed): Pair<'_>, method: &str) -> Option<&'a ComparedAudit> {
        let is = |a: &&ComparedAudit| a.concept == concept && a.seed == seed && a.method == method;
        self.audits.iter().find(is)
    }

    fn side(&self, hypothesis: &Hypothesis, pair: Pair<'_>, labels: &[String]) -> Option<f64> {
        let audits: Option<Vec<_>> = labels.iter().map(|label| self.audit(pair, label)).collect();
        equal::measure(&audits?, hypothesis.by, hypothesis.at_hits)
    }

    fn unit(&self) -> Unit {
        let alone = self.recipe.order.is_none() && self.recipe.concepts.len() > 1;
        if alone { Unit::Concepts } else { Unit::Seeds }
    }

    fn seen(&self, hypothesis: &Hypothesis, compared: &[(Pair<'_>, [f64; 2])], all: usize) -> Seen {
        let (unit, sign) = (self.unit(), if hypothesis.by.fewer_is_better() { -1.0 } else { 1.0 });
        let mut gains: BTreeMap<Pair<'_>, Vec<f64>> = BTreeMap::new();
        for &((concept, seed), [better, than]) in compared {
            let key = match unit {
                Unit::Concepts => (concept, None),
                Unit::Seeds => ("", seed),
            };
            gains.entry(key).or_default().push(sign * (better - than));
        }
        let gains: Vec<f64> = gains.values().map(|values| mean(values)).collect();
        let side = |side: usize| {
            mean(&compared.iter().map(|(_, values)| values[side]).collect::<Vec<_>>())
        };
        let gain = mean_interval(&gains, self.error);
        let enough = compared.len() as f64 >= ENOUGH * all as f64;
        Seen {
            says: gain.filter(|_| enough).map_or(Says::Unresolved, says),
            means: (!compared.is_empty()).then(|| [side(0), side(1)]),
            gain,
            units: (gains.len(), unit),
            pairs: [compared.len(), all],
        }
    }
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

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
