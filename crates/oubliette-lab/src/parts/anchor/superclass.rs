//! The concept's superclass: "a picture of a lion" becomes "a picture of an animal".

use oubliette_evidence::Concept;
use serde::{Deserialize, Serialize};

use super::{Anchor, Stateful};
use crate::{Card, Entry, Error, Result, wording};

pub(super) const ENTRY: Entry<dyn Anchor> = Entry::of::<Superclass>(Card {
    name: "superclass",
    what: "The concept's name is replaced by its superclass; the rest of the prompt stays.",
    source: "Sculpting Memory (arXiv 2504.09039), the concept-aware loss",
    broken_by: "a superclass of which the concept is the typical member leads back to it",
    differs: "the article before the name is corrected (a lion, an animal)",
    ..Card::BLANK
});

/// The concept's superclass in the concept's place.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Superclass {}

impl Stateful for Superclass {}

impl Anchor for Superclass {
    fn texts(&self, concepts: &[Concept], prompts: &[String]) -> Result<Vec<String>> {
        prompts.iter().map(|prompt| text(concepts, prompt)).collect()
    }
}

fn text(concepts: &[Concept], prompt: &str) -> Result<String> {
    let (concept, name) = wording::must_name(concepts, prompt)?;
    let superclass = superclass_of(concept)?;
    Ok(wording::replace(prompt, name, superclass))
}

/// The superclass of a concept.
///
/// # Errors
/// When it has none.
pub(crate) fn superclass_of(concept: &Concept) -> Result<&str> {
    concept.superclass.as_deref().ok_or_else(|| Error::Input {
        file: format!("concept `{}`", concept.id),
        thing: "it has no superclass to become".to_owned(),
        remedy: "add `superclass = \"...\"` or choose another anchor".to_owned(),
    })
}
