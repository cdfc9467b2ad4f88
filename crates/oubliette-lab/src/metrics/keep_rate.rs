//! The share of pictures that show what their own prompt asks for.

use serde::{Deserialize, Serialize};

use super::{Mean, Metric, Seen, mean};
use crate::{Card, Entry};

pub(super) const ENTRY: Entry<dyn Metric> = Entry::of::<KeepRate>(Card {
    name: "keep_rate",
    what: "Pictures of keep arms that the detector takes for their prompt's own label.",
    source: "UnlearnCanvas (arXiv 2402.11846): in-domain retain accuracy",
    broken_by: "labels that the detector confuses on the original model too",
    ..Card::BLANK
});

/// The share of pictures that show what their own prompt asks for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct KeepRate {}

impl Metric for KeepRate {
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
