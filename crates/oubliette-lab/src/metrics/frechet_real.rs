//! How far the pictures for the keep prompts are from real ones.

use serde::{Deserialize, Serialize};

use super::{Mean, Metric, Seen, distance};
use crate::{Card, Entry};

pub(super) const ENTRY: Entry<dyn Metric> = Entry::of::<FrechetReal>(Card {
    name: "frechet_real",
    what: "Fréchet distance between the features of the pictures for the keep prompts and of a folder of real pictures.",
    source: "FID (arXiv 1706.08500), section 3",
    broken_by: "few pictures, and real pictures of other things than the prompts ask for: compare the original's value with the others'",
    differs: "the same features as frechet_distance",
    ..Card::BLANK
});

/// How far the pictures for the keep prompts are from real ones.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FrechetReal {}

impl Metric for FrechetReal {
    fn unit(&self) -> &'static str {
        "squared distance"
    }

    fn measure(&self, seen: &Seen<'_>) -> Option<Mean> {
        let sets = seen.features?;
        distance(sets.own, sets.real?)
    }
}
