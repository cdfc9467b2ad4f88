//! The share of pictures that the detector takes for the concept.

use serde::{Deserialize, Serialize};

use super::{Mean, Metric, Seen, mean};
use crate::{Card, Entry};

pub(super) const ENTRY: Entry<dyn Metric> = Entry::of::<HitRate>(Card {
    name: "hit_rate",
    what: "Pictures that the deciding detector takes for the concept, of all pictures of a cell.",
    source: "ESD (arXiv 2303.07345), section 5",
    broken_by: "a detector that must choose among labels although none is there",
    ..Card::BLANK
});

/// The share of pictures that the detector takes for the concept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HitRate {}

impl Metric for HitRate {
    fn unit(&self) -> &'static str {
        "share"
    }

    fn measure(&self, seen: &Seen<'_>) -> Option<Mean> {
        mean(
            seen.sampled
                .iter()
                .map(|s| s.scores.get(seen.detector).map(|score| f64::from(u8::from(score.hit)))),
        )
    }
}
