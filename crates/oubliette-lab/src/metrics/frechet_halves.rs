//! How far apart two sets of the original's own pictures are.

use serde::{Deserialize, Serialize};

use super::{Mean, Metric, Seen, distance};
use crate::{Card, Entry};

pub(super) const ENTRY: Entry<dyn Metric> = Entry::of::<FrechetHalves>(Card {
    name: "frechet_halves",
    what: "Fréchet distance between every second of the original's pictures for the keep prompts and the others: what the distance is when nothing but the pictures differs.",
    source: "a yardstick beside FID's bias at few pictures (arXiv 1911.07023)",
    broken_by: "the halves have half of the pictures, so their bias is larger than that of the whole; they share no seeds, while the sets of \
                frechet_distance do, so a small change lies far below the halves",
    ..Card::BLANK
});

/// How far apart two sets of the original's own pictures are.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FrechetHalves {}

impl Metric for FrechetHalves {
    fn unit(&self) -> &'static str {
        "squared distance"
    }

    fn measure(&self, seen: &Seen<'_>) -> Option<Mean> {
        let sets = seen.features.filter(|sets| sets.original.is_none())?;
        let [first, second] = sets.own.halves();
        distance(&first, &second)
    }
}
