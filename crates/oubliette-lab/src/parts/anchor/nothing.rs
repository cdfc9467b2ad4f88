//! The empty prompt: the concept becomes whatever the model draws when told nothing.

use oubliette_evidence::Concept;
use serde::{Deserialize, Serialize};

use super::{Anchor, Stateful};
use crate::{Card, Entry, Result};

pub(super) const ENTRY: Entry<dyn Anchor> = Entry::of::<Nothing>(Card {
    name: "nothing",
    what: "The empty prompt stands in for the concept.",
    source: "Erasing Concepts from Diffusion Models (arXiv 2303.07345), equation 7",
    broken_by: "what is drawn instead is unspecified and may be a neighbour",
    ..Card::BLANK
});

/// The empty prompt.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Nothing {}

impl Stateful for Nothing {}

impl Anchor for Nothing {
    fn texts(&self, _concepts: &[Concept], prompts: &[String]) -> Result<Vec<String>> {
        Ok(vec![String::new(); prompts.len()])
    }
}
