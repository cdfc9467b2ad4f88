//! Recovery: which part of the way back to the original an attack went.

use super::Interval;

/// (attacked - unlearned) / (original - unlearned), where `original` is the original after the same
/// attack. None when the denominator's interval touches zero: there was no way to go. The interval
/// is the widest that the bounds of the three rates allow (a quotient of intervals).
pub fn recovery(attacked: Interval, unlearned: Interval, original: Interval) -> Option<Interval> {
    let above = attacked - unlearned;
    let way = original - unlearned;
    if way.low <= 0.0 {
        return None;
    }
    Some(Interval {
        value: above.value / way.value,
        low: above.low / if above.low < 0.0 { way.low } else { way.high },
        high: above.high / if above.high < 0.0 { way.high } else { way.low },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(value: f64, by: f64) -> Interval {
        Interval { value, low: value - by, high: value + by }
    }

    #[test]
    fn half_the_way_back() {
        let found = recovery(about(0.5, 0.0), about(0.0, 0.0), about(1.0, 0.0)).unwrap();
        assert_eq!((found.value, found.low, found.high), (0.5, 0.5, 0.5));
        let wide = recovery(about(0.5, 0.1), about(0.1, 0.1), about(0.9, 0.1)).unwrap();
        assert!((wide.value - 0.5).abs() < 1e-12);
        assert!((wide.low - 0.2).abs() < 1e-12 && (wide.high - 1.0).abs() < 1e-12);
    }

    #[test]
    fn no_way_to_go_is_no_number() {
        assert_eq!(recovery(about(0.5, 0.1), about(0.4, 0.2), about(0.7, 0.1)), None);
        assert_eq!(recovery(about(0.5, 0.0), about(0.5, 0.0), about(0.5, 0.0)), None);
    }
}
