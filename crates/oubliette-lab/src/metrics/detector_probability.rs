//! How sure the detector is, on average: it rises before hits do.

use serde::{Deserialize, Serialize};

use super::{Mean, Metric, Seen, mean};
use crate::{Card, Entry};

pub(super) const ENTRY: Entry<dyn Metric> = Entry::of::<DetectorProbability>(Card {
    name: "detector_probability",
    what: "Mean probability that the deciding detector gives the concept, hits or not.",
    source: "graded score beside hits; Unstable Unlearning (arXiv 2410.08074) reports that returns are gradual",
    broken_by: "a detector whose probabilities are not calibrated",
    ..Card::BLANK
});

/// How sure the detector is, on average: it rises before hits do.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DetectorProbability {}

impl Metric for DetectorProbability {
    fn unit(&self) -> &'static str {
        "share"
    }

    fn measure(&self, seen: &Seen<'_>) -> Option<Mean> {
        mean(seen.sampled.iter().map(|s| Some(s.scores.get(seen.detector)?.probability?.get())))
    }
}
