//! Numbers made of what was seen; each says what it is a mean of, and is absent where nothing was measured.

mod alignment;
mod denoising_gap;
mod detector_probability;
mod hit_rate;
mod keep_rate;
mod superclass_hit_rate;

use oubliette_evidence::event::Sampled;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{List, Make, Result, subject::Denoising};

/// A mean and how many things it is of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// The mean.
    pub value: f64,
    /// Its count.
    pub count: u32,
}

/// What a metric may look at.
pub struct Seen<'a> {
    /// Pictures of one cell that were looked at.
    pub sampled: &'a [Sampled],
    /// Name of the detector that decides.
    pub detector: &'a str,
    /// Losses on held-out pictures of the concept, where they were measured.
    pub denoising: Option<Denoising>,
}

/// A pure function of what was seen.
pub trait Metric {
    /// What the number is counted in: `share`, `cosine`.
    fn unit(&self) -> &'static str;

    /// The number; nothing where what it needs was not measured.
    fn measure(&self, seen: &Seen<'_>) -> Option<Mean>;
}

impl<M: Metric + Serialize + DeserializeOwned + 'static> Make<dyn Metric> for M {
    fn boxed(self) -> Box<dyn Metric> {
        Box::new(self)
    }
}

/// All metrics.
pub const METRICS: List<dyn Metric> = List {
    what: "metric",
    all: &[
        alignment::ENTRY,
        denoising_gap::ENTRY,
        detector_probability::ENTRY,
        hit_rate::ENTRY,
        keep_rate::ENTRY,
        superclass_hit_rate::ENTRY,
    ],
};

/// The metric called `name` on what was seen.
///
/// # Errors
/// When no metric has that name.
pub fn measure(name: &str, seen: &Seen<'_>) -> Result<Option<Mean>> {
    Ok(METRICS.build(name, toml::Table::new())?.measure(seen))
}

/// The mean of the values that are there.
fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<Mean> {
    let values: Vec<f64> = values.flatten().collect();
    let count = u32::try_from(values.len()).ok().filter(|&count| count > 0)?;
    Some(Mean { value: values.iter().sum::<f64>() / f64::from(count), count })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_no_number() {
        let seen = Seen { sampled: &[], detector: "judge", denoising: None };
        for name in METRICS.names() {
            assert_eq!(measure(name, &seen).unwrap(), None, "{name}");
        }
    }
}
