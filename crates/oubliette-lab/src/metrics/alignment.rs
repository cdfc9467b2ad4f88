//! How well pictures agree with their prompts.

use serde::{Deserialize, Serialize};

use super::{Mean, Metric, Seen, mean};
use crate::{Card, Entry};

pub(super) const ENTRY: Entry<dyn Metric> = Entry::of::<Alignment>(Card {
    name: "alignment",
    what: "Mean cosine between the embeddings of picture and prompt in a CLIP model.",
    source: "CLIPScore (arXiv 2104.08718), without its factor and cut",
    broken_by: "a CLIP model that shares the text encoder of the model under study",
    ..Card::BLANK
});

/// How well pictures agree with their prompts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Alignment {}

impl Metric for Alignment {
    fn unit(&self) -> &'static str {
        "cosine"
    }

    fn measure(&self, seen: &Seen<'_>) -> Option<Mean> {
        mean(seen.sampled.iter().map(|s| Some(s.alignment?.get())))
    }
}
