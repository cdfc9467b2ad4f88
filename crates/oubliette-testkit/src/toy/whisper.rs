//! Asks in a low voice.

use oubliette_evidence::{Prompt, plan::Arm};
use oubliette_lab::{
    Card, Entry, Result,
    attacks::{Attack, Brief, arm},
    wording,
};
use serde::{Deserialize, Serialize};

const CARD: Card = Card {
    name: "whisper",
    what: "Asks for the concept in a low voice.",
    source: "no paper; it shows how an attack is added",
    broken_by: "nothing, it is a toy",
    ..Card::BLANK
};

pub(super) const ENTRY: Entry<dyn Attack> = Entry::of::<Whisper>(CARD);

/// The toy's settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Whisper {
    /// The words around the name.
    voice: String,
}

impl Default for Whisper {
    fn default() -> Self {
        Self { voice: "psst, a {name}".to_owned() }
    }
}

impl Attack for Whisper {
    fn arms(&self, brief: &Brief<'_>) -> Result<Vec<Arm>> {
        let names = brief.concept.names.iter();
        let prompts = names.map(|name| Prompt::new(wording::fill(&self.voice, name))).collect();
        let quiet = arm(&CARD, "whisper".to_owned(), Default::default(), prompts, brief);
        Ok(vec![Arm { stream: "whisper".to_owned(), ..quiet }])
    }
}
