//! How far the pictures for the keep prompts moved as a whole.

use serde::{Deserialize, Serialize};

use super::{Mean, Metric, Seen, distance};
use crate::{Card, Entry};

pub(super) const ENTRY: Entry<dyn Metric> = Entry::of::<FrechetDistance>(Card {
    name: "frechet_distance",
    what: "Fréchet distance between the features of the pictures for the keep prompts and of those that the original makes for the same prompts and seeds.",
    source: "FID (arXiv 1706.08500), section 3; against the original's pictures as in SPM (arXiv 2312.16145) and SPEED (arXiv 2503.07392)",
    broken_by: "few pictures: means and covariances are then guesses, and the value is larger than it would be of many, so it compares with values of as many only",
    differs: "features of the folder that the recipe names: a CLIP (projected), a ViT classifier (class token after the last norm), or \
              Inception of 2015, whose values alone are those of the standard FID; and against the original's pictures",
    ..Card::BLANK
});

/// How far the pictures for the keep prompts moved as a whole.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FrechetDistance {}

impl Metric for FrechetDistance {
    fn unit(&self) -> &'static str {
        "squared distance"
    }

    fn measure(&self, seen: &Seen<'_>) -> Option<Mean> {
        let sets = seen.features?;
        distance(sets.own, sets.original?)
    }
}
