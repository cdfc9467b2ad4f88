//! A fixed prompt of the user's choice.

use oubliette_evidence::Concept;
use serde::{Deserialize, Serialize};

use super::{Anchor, Stateful};
use crate::{Card, Entry, Result, wording};

pub(super) const ENTRY: Entry<dyn Anchor> = Entry::of::<Prompt>(Card {
    name: "prompt",
    what: "One fixed text stands in for the concept, whatever the prompt around it.",
    source: "Ablating Concepts in Text-to-Image Diffusion Models (arXiv 2303.13516), section 3.2",
    broken_by: "an anchor that shares the concept's defining attributes forgets little",
    ..Card::BLANK
});

/// A fixed prompt.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// The text that stands in for the concept.
    pub text: String,
}

impl Stateful for Prompt {}

impl Anchor for Prompt {
    fn texts(&self, _concepts: &[Concept], prompts: &[String]) -> Result<Vec<String>> {
        Ok(vec![self.text.clone(); prompts.len()])
    }

    fn check(&self, concepts: &[Concept]) -> Result<()> {
        wording::must_be_another(concepts, "text", &self.text)
    }
}
