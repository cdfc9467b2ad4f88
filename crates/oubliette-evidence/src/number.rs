//! Numbers that are made at the door: finite, rounded, and inside their range.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use crate::Error;

/// Rounds to 9 significant decimal digits, the precision of every number in a file of this project.
pub fn round(value: f64) -> f64 {
    let rounded = format!("{value:.8e}").parse().unwrap_or(value);
    if rounded == 0.0 { 0.0 } else { rounded } // minus zero is zero
}

/// A finite number, rounded to 9 significant digits.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(try_from = "f64")]
#[schemars(with = "f64")]
pub struct Real(f64);

impl Real {
    /// Rounds; refuses NaN and the infinities.
    pub fn new(value: f64) -> Result<Self, Error> {
        match value.is_finite() {
            true => Ok(Self(round(value))),
            false => Err(Error::Number { value: value.to_string(), wanted: "a finite number" }),
        }
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

/// A share of a whole, between 0 and 1, rounded to 9 significant digits.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(try_from = "f64")]
#[schemars(with = "f64", extend("minimum" = 0, "maximum" = 1))]
pub struct Share(f64);

impl Share {
    /// Nothing.
    pub const ZERO: Self = Self(0.0);
    /// The whole.
    pub const ONE: Self = Self(1.0);

    /// Rounds; refuses NaN and what lies outside 0 to 1.
    pub fn new(value: f64) -> Result<Self, Error> {
        match (0.0..=1.0).contains(&value) {
            true => Ok(Self(round(value))),
            false => {
                Err(Error::Number { value: value.to_string(), wanted: "a share between 0 and 1" })
            }
        }
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }

    /// In words: `12 in 100`, with one decimal where the share is small or nearly whole.
    pub fn in_100(self) -> String {
        let hundredths = self.0 * 100.0;
        match hundredths {
            h if h == h.round() => format!("{h:.0} in 100"),
            h if !(1.0..=99.0).contains(&h) => format!("{h:.1} in 100"),
            h => format!("{h:.0} in 100"),
        }
    }
}

macro_rules! number {
    ($type:ty) => {
        impl TryFrom<f64> for $type {
            type Error = Error;
            fn try_from(value: f64) -> Result<Self, Error> {
                Self::new(value)
            }
        }

        impl From<$type> for f64 {
            fn from(value: $type) -> f64 {
                value.0
            }
        }

        impl Eq for $type {} // never NaN

        impl PartialOrd for $type {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $type {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.0.total_cmp(&other.0)
            }
        }

        impl Serialize for $type {
            /// Whole numbers are written without a fraction, so that 1 and 1.0 are one text.
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self.0.fract() == 0.0 && self.0.abs() < 9e15 {
                    true => serializer.serialize_i64(self.0 as i64),
                    false => serializer.serialize_f64(self.0),
                }
            }
        }
    };
}

number!(Real);
number!(Share);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_number_is_refused() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Real::new(bad).is_err());
            assert!(Share::new(bad).is_err());
        }
        assert!(Share::new(1.0 + 1e-12).is_err());
        assert!(Share::new(-1e-12).is_err());
    }

    #[test]
    fn numbers_are_rounded_once() {
        assert_eq!(round(0.123_456_789_49), 0.123_456_789);
        assert_eq!(round(round(2.0 / 3.0)), round(2.0 / 3.0));
        assert_eq!(round(-0.0).to_bits(), 0.0f64.to_bits());
        assert_eq!(round(1e-4), 1e-4);
    }

    #[test]
    fn shares_in_words() {
        let words = |x: f64| Share::new(x).unwrap().in_100();
        assert_eq!(words(0.12), "12 in 100");
        assert_eq!(words(0.004), "0.4 in 100");
        assert_eq!(words(0.0), "0 in 100");
    }
}
