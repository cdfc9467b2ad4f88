//! One trend: how well a number and a measure agree on the order of methods, and whether they would by chance.

use std::collections::BTreeMap;

use super::judging::{Judge, Pair, mean, sign};
use super::value::value;
use super::{Along, Outcome, Says};
use crate::plan::Role;
use crate::recipe::Trend;
use crate::stats::{Interval, mean_interval, permutation_test};

/// Both lists of a pair, as ranks: their product is Spearman's correlation.
struct Ranked {
    along: Vec<f64>,
    seen: Vec<f64>,
}

impl<'a> Judge<'a> {
    /// Many methods along a number, on each concept and seed by itself.
    pub(super) fn trend(&self, claimed: &Trend) -> Outcome<Along> {
        let pairs = match self.pairs(&claimed.across) {
            Ok(pairs) => pairs,
            Err(missing) => return Outcome::Open { missing },
        };
        let ranked = |pair: Pair<'a>| Some((pair, self.ranked(claimed, pair)?));
        let found: Vec<_> = pairs.iter().copied().filter_map(ranked).collect();
        Outcome::Seen(self.along(&found, pairs.len()))
    }

    fn ranked(&self, claimed: &Trend, pair: Pair<'a>) -> Option<Ranked> {
        let of = |label: &String| {
            Some(sign(claimed.by) * value(claimed.by, self.audit(pair, label)?, Role::Unlearned)?)
        };
        let seen: Option<Vec<f64>> = claimed.across.iter().map(of).collect();
        let along: Vec<f64> = claimed.along.get(pair.0)?.iter().map(|one| one.get()).collect();
        Some(Ranked { along: ranks(&along)?, seen: ranks(&seen?)? })
    }

    /// What the correlations of pairs say together. Methods keep their place in all pairs, so it is their numbers that are exchanged, in all
    /// pairs alike.
    fn along(&self, found: &[(Pair<'_>, Ranked)], all: usize) -> Along {
        let unit = self.unit();
        let mut units: BTreeMap<Pair<'_>, Vec<&Ranked>> = BTreeMap::new();
        for (pair, ranked) in found {
            units.entry(unit.key(*pair)).or_default().push(ranked);
        }
        let correlation = |ranked: &&Ranked| {
            ranked.along.iter().zip(&ranked.seen).map(|(a, b)| a * b).sum::<f64>()
        };
        let means: Vec<f64> =
            units.values().map(|ranked| mean(ranked.iter().map(correlation))).collect();
        let correlation = (!means.is_empty()).then(|| mean(means.iter().copied()));
        let p = correlation.map(|_| permutation_test(&products(units.values())));
        let enough = self.are_enough(found.len(), all);
        let says = match (correlation, p) {
            (Some(correlation), Some(p)) if enough && p <= self.error => {
                if correlation > 0.0 {
                    Says::Supported
                } else {
                    Says::Contradicted
                }
            }
            _ => Says::Unresolved,
        };
        let within = |Interval { value, low, high }| Interval {
            value,
            low: low.max(-1.0),
            high: high.min(1.0),
        };
        let interval = mean_interval(&means, self.error).map(within);
        Along {
            says,
            correlation,
            interval,
            p,
            units: (means.len(), unit),
            pairs: [found.len(), all],
        }
    }
}

/// What each method would add to the mean over units with the number of each other one.
fn products<'r>(units: impl ExactSizeIterator<Item = &'r Vec<&'r Ranked>>) -> Vec<Vec<f64>> {
    let (mut sums, count) = (Vec::new(), units.len());
    for (ranked, share) in
        units.flat_map(|unit| unit.iter().map(|one| (one, (count * unit.len()) as f64)))
    {
        sums.resize(ranked.along.len(), vec![0.0; ranked.seen.len()]);
        for (row, along) in sums.iter_mut().zip(&ranked.along) {
            row.iter_mut().zip(&ranked.seen).for_each(|(sum, seen)| *sum += along * seen / share);
        }
    }
    sums
}

/// The place of each number in their order, less the mean place, as a direction; equal ones share theirs. Nothing where there is no order.
fn ranks(of: &[f64]) -> Option<Vec<f64>> {
    let count = |is: &dyn Fn(&f64) -> bool| of.iter().filter(|other| is(other)).count() as f64;
    let place = |value: &f64| {
        let (below, same) = (count(&|other| other < value), count(&|other| other == value));
        below + (same - of.len() as f64) / 2.0
    };
    let places: Vec<f64> = of.iter().map(place).collect();
    let length = places.iter().map(|place| place * place).sum::<f64>().sqrt();
    (length > 0.0).then(|| places.into_iter().map(|place| place / length).collect())
}

#[cfg(test)]
mod tests {
    use super::ranks;

    fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
        Some(ranks(a)?.iter().zip(ranks(b)?).map(|(a, b)| a * b).sum())
    }

    #[test]
    fn it_is_one_where_orders_agree_and_counts_ties_half() {
        let line = [1.0, 2.0, 3.0, 10.0];
        let of = |other: &[f64]| correlation(&line, other).unwrap();
        assert!((of(&[0.1, 0.2, 5.0, 7.0]) - 1.0).abs() < 1e-12);
        assert!((of(&[4.0, 3.0, 2.0, 1.0]) + 1.0).abs() < 1e-12);
        // scipy.stats.spearmanr([1, 2, 3, 10], [1, 1, 0, 2]) is 0.316227766.
        assert!((of(&[1.0, 1.0, 0.0, 2.0]) - 0.316_227_766).abs() < 1e-9);
        assert_eq!(correlation(&line, &[2.0; 4]), None);
    }
}
