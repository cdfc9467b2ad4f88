//! Numbers that a run measures beside its pictures; each says what it is a mean of, and is absent where nothing was measured. Rates of hits, and what
//! was kept, are no events of their own: a verdict counts them from the pictures' scores.

mod denoising_gap;
mod frechet_distance;
mod frechet_halves;
mod frechet_real;

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
    /// What the number is counted in: `squared error`.
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
        denoising_gap::ENTRY,
        frechet_distance::ENTRY,
        frechet_halves::ENTRY,
        frechet_real::ENTRY,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_no_number() {
        for name in METRICS.names() {
            assert_eq!(measure(name, &Seen::default()).unwrap(), None, "{name}");
        }
    }

    #[test]
    fn every_metric_is_made_of_what_a_run_gives_it() {
        let rows = |shift: f64| [0.0, 0.0, 1.0, 3.0, 4.0, 1.0, 2.0, 5.0].map(|x: f64| x + shift);
        let [own, other, real] = [0.0, 1.0, 2.0].map(|shift| Features::from_rows(2, &rows(shift)));
        let denoising = Some(Denoising { empty: 2.0, captioned: 1.0, count: 3 });
        let given =
            |original, real| Seen { denoising, features: Some(Sets { own: &own, original, real }) };
        for name in METRICS.names() {
            let of = |seen: &Seen<'_>| measure(name, seen).unwrap();
            let measured = of(&given(Some(&other), Some(&real))).or(of(&given(None, None)));
            assert!(measured.is_some(), "nothing measures `{name}`");
        }
    }
}
