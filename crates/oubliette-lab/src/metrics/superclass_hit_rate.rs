//! The share of pictures that show something of the concept's superclass.

use serde::{Deserialize, Serialize};

use super::{Mean, Metric, Seen, mean};
use crate::{Card, Entry};

pub(super) const ENTRY: Entry<dyn Metric> = Entry::of::<SuperclassHitRate>(Card {
    name: "superclass_hit_rate",
    what: "Pictures that the detector takes for the concept's superclass, a neighbour or the concept.",
    source: "MACE (arXiv 2403.06135): generality; Sculpting Memory (arXiv 2504.09039)",
    broken_by: "a superclass of which the detector knows few members",
    ..Card::BLANK
});

/// The share of pictures that show something of the concept's superclass.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SuperclassHitRate {}

impl Metric for SuperclassHitRate {
    fn unit(&self) -> &'static str {
        "share"
    }

    fn measure(&self, seen: &Seen<'_>) -> Option<Mean> {
        mean(
            seen.sampled.iter().map(|s| {
                s.scores.get(seen.detector)?.superclass.map(|hit| f64::from(u8::from(hit)))
            }),
        )
    }
}
