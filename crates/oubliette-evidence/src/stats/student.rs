//! The mean of a few differences, with Student's interval: the one bound here that assumes something, namely that they are about normal.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

use super::Interval;

/// Of the largest value, or of 1, what spreads less than that does not spread.
const ROUNDING: f64 = 1e-9;

/// The mean of `values` with a two-sided interval that misses the true one with probability `error`; nothing below two values, and nothing where
/// all are the same: counts of few pictures tie by chance, and a spread of zero would prove anything.
pub fn mean_interval(values: &[f64], error: f64) -> Option<Interval> {
    let count = values.len() as f64;
    let student = StudentsT::new(0.0, 1.0, count - 1.0).ok()?;
    let value = values.iter().sum::<f64>() / count;
    let square: f64 = values.iter().map(|one| (one - value) * (one - value)).sum();
    let largest = values.iter().fold(0.0_f64, |most, one| most.max(one.abs()));
    if square.sqrt() <= ROUNDING * largest.max(1.0) {
        return None;
    }
    let half = student.inverse_cdf(1.0 - error / 2.0) * (square / (count - 1.0) / count).sqrt();
    Some(Interval { value, low: value - half, high: value + half })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_students() {
        // Student 1908, table of his sleep data: differences of ten patients.
        let hours = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4];
        let found = mean_interval(&hours, 0.05).unwrap();
        for (found, known) in [(found.value, 1.58), (found.low, 0.7001), (found.high, 2.4599)] {
            assert!((found - known).abs() < 1e-4, "{found} {known}");
        }
    }

    #[test]
    fn one_value_has_no_interval() {
        assert_eq!(mean_interval(&[1.0], 0.05), None);
        assert_eq!(mean_interval(&[], 0.05), None);
        assert_eq!(mean_interval(&[5.0, 5.0, 5.0], 0.05), None);
    }
}
