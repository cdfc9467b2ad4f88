//! A name of the user's choice in the concept's place: "a noto style lion" becomes "a noto style fox".

use oubliette_evidence::Concept;
use serde::{Deserialize, Serialize};

use super::{Anchor, Stateful};
use crate::{Card, Entry, Result, wording};

pub(super) const ENTRY: Entry<dyn Anchor> = Entry::of::<Replaced>(Card {
    name: "replaced",
    what: "The concept's name is replaced by another name; the rest of the prompt stays.",
    source: "Ablating Concepts in Text-to-Image Diffusion Models (arXiv 2303.13516), section 3.1: anchor concepts",
    broken_by: "a name that shares the concept's defining attributes forgets little",
    differs: "the article before the name is corrected",
    ..Card::BLANK
});

/// Another name in the concept's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replaced {
    /// The other name. Not called `name`: that is what a recipe calls the part by.
    pub with: String,
}

impl Stateful for Replaced {}

impl Anchor for Replaced {
    fn texts(&self, concepts: &[Concept], prompts: &[String]) -> Result<Vec<String>> {
        let text = |prompt: &String| {
            let (_, name) = wording::must_name(concepts, prompt)?;
            Ok(wording::replace(prompt, name, &self.with))
        };
        prompts.iter().map(text).collect()
    }

    fn check(&self, concepts: &[Concept]) -> Result<()> {
        wording::must_be_another(concepts, "with", &self.with)
    }
}

#[cfg(test)]
mod tests {
    use crate::parts::anchor::ANCHORS;
    use oubliette_evidence::settings::Named;

    #[test]
    fn a_recipe_can_choose_it() {
        let named: Named = toml::from_str("name = \"replaced\"\nwith = \"fox\"").unwrap();
        let anchor = ANCHORS.named(&named).unwrap();
        assert_eq!(anchor.describe()["with"].as_str(), Some("fox"));
    }
}
