//! What was lost between two subjects on the same prompts and seeds.

use super::{Interval, lower, upper};

/// The part of the error rate that is spent on losses; the rest goes to gains, which are rarer.
const ON_LOSSES: f64 = 0.9;

/// Bounds of P(lost) - P(gained) among `of` pairs, each one-sided at error rate `alpha`: exact
/// bounds of both, joined by the union bound, so that nothing is assumed of how they go together.
pub fn paired_loss(lost: u32, gained: u32, of: u32, alpha: f64) -> Interval {
    let (spent, rest) = (ON_LOSSES * alpha, (1.0 - ON_LOSSES) * alpha);
    let of_pairs = f64::from(of.max(1));
    Interval {
        value: (f64::from(lost) - f64::from(gained)) / of_pairs,
        low: lower(lost, of, spent) - upper(gained, of, rest),
        high: upper(lost, of, spent) - lower(gained, of, rest),
    }
}

/// Bounds of p - q from `(hits, of)` of each, one-sided at `low_alpha` and `high_alpha`: exact bounds
/// at half the rate each. It holds whether the samples are paired or not.
pub fn difference(p: (u32, u32), q: (u32, u32), low_alpha: f64, high_alpha: f64) -> Interval {
    let share = |(hits, of): (u32, u32)| f64::from(hits) / f64::from(of.max(1));
    Interval {
        value: share(p) - share(q),
        low: lower(p.0, p.1, 0.5 * low_alpha) - upper(q.0, q.1, 0.5 * low_alpha),
        high: upper(p.0, p.1, 0.5 * high_alpha) - lower(q.0, q.1, 0.5 * high_alpha),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_many_pairs_show_that_five_points_are_not_lost() {
        let of = (1..).find(|&of| paired_loss(0, 0, of, 0.05).high < 0.05);
        assert_eq!(of, Some(61));
    }

    #[test]
    fn nothing_seen_says_nothing() {
        let nothing = paired_loss(0, 0, 0, 0.05);
        assert_eq!((nothing.value, nothing.low, nothing.high), (0.0, -1.0, 1.0));
    }
}
