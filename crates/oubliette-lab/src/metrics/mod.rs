//! Numbers made of what was seen; each says what it is a mean of, and is absent where nothing was measured.

mod alignment;
mod denoising_gap;
mod detector_probability;
mod frechet_distance;
mod frechet_halves;
mod frechet_real;
mod hit_rate;
mod keep_rate;
mod superclass_hit_rate;

use oubliette_evidence::event::Sampled;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{List, Make, Result, frechet::Features, subject::Denoising};

/// A mean and how many things it is of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// The mean.
    pub value: f64,
    /// Its count.
    pub count: u32,
}

/// What a metric may look at.
#[derive(Default)]
pub struct Seen<'a> {
    /// Pictures of one cell that were looked at.
    pub sampled: &'a [Sampled],
    /// Name of the detector that decides.
    pub detector: &'a str,
    /// Losses on held-out pictures of the concept, where they were measured.
    pub denoising: Option<Denoising>,
    /// Features of the pictures for the keep prompts, where they were looked at.
    pub features: Option<Sets<'a>>,
}

/// Features of what one model and others made for the same keep prompts.
#[derive(Clone, Copy)]
pub struct Sets<'a> {
    /// The model's own.
    pub own: &'a Features,
    /// The original's; nothing where the model is the original.
    pub original: Option<&'a Features>,
    /// Those of real pictures, where they are given.
    pub real: Option<&'a Features>,
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
        frechet_distance::ENTRY,
        frechet_halves::ENTRY,
        frechet_real::ENTRY,
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

/// A Fréchet distance, and the pictures of the smaller set.
fn distance(a: &Features, b: &Features) -> Option<Mean> {
    let count = u32::try_from(a.count().min(b.count())).ok()?;
    Some(Mean { value: a.distance(b)?, count })
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
        let seen = Seen { detector: "judge", ..Seen::default() };
        for name in METRICS.names() {
            assert_eq!(measure(name, &seen).unwrap(), None, "{name}");
        }
    }
}
