//! A value with bounds, and how bounds add up.

use serde::Serialize;

/// A value with bounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// What was seen.
    pub value: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

impl std::ops::Sub for Interval {
    type Output = Self;

    /// The widest interval of a difference that the bounds of both allow.
    fn sub(self, other: Self) -> Self {
        Self {
            value: self.value - other.value,
            low: self.low - other.high,
            high: self.high - other.low,
        }
    }
}
