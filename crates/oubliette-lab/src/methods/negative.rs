//! Negative prompt: guidance leads away from the concept's names in every picture; no weight changes.

use oubliette_evidence::Concept;
use oubliette_model::sample::{Guidance, Negative};
use serde::{Deserialize, Serialize};

use super::{Method, Stage};
use crate::{Card, Entry, Error, Result};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<NegativePrompt>(Card {
    name: "negative",
    what: "A sampling policy: the concept's names stand where guidance has the empty prompt, so that it leads away from \
           them in every picture. The folder carries it as a guide.",
    changes: "no weight: a guide beside the model, which other programs do not follow",
    cost: "nothing: a picture takes as many forwards as without it",
    broken_by: "the concept's own prompts, and fine-tuning on unrelated pictures (our own study of methods, on a miniature); \
                prompts that say little beside the names: where both predict the same, guidance leads nowhere and the picture \
                follows that prediction; every program that ignores the guide, diffusers among them; a guidance of 1, where it does nothing; \
                searched prompts (arXiv 2309.06135)",
    source: "classifier-free guidance (arXiv 2207.12598) with a text in the place of the empty one, as users of Stable \
             Diffusion do; a baseline in arXiv 2309.06135",
    differs: "a negative prompt of the request itself follows after the names and a comma, and does not replace them",
    ..Card::BLANK
});

/// The settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NegativePrompt {
    /// What guidance leads away from; absent: the concept's names, with commas between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Method for NegativePrompt {
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>> {
        let text = text(self.text.as_deref(), concepts);
        guide(Guidance::Negative(Negative { text }))
    }
}

/// The text that was asked for, or all names.
pub(super) fn text(asked: Option<&str>, concepts: &[Concept]) -> String {
    let names: Vec<&str> =
        concepts.iter().flat_map(|concept| &concept.names).map(String::as_str).collect();
    asked.map_or_else(|| names.join(", "), str::to_owned)
}

/// The one stage of a method that makes a guide.
pub(super) fn guide(guidance: Guidance) -> Result<Vec<Stage>> {
    match guidance.fault() {
        None => Ok(vec![Stage::Guide(guidance)]),
        Some((key, why, remedy)) => Err(Error::Input {
            file: "the recipe".to_owned(),
            thing: format!("the method's `{key}` {why}"),
            remedy: remedy.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use crate::METHODS;

    #[test]
    fn a_text_of_nothing_is_refused() {
        let empty = METHODS.build("negative", toml::toml! { text = " " }).unwrap();
        let error = empty.stages(&[]).err().unwrap().to_string();
        assert!(error.contains("`text` is empty"), "{error}");
        // No concept, no name.
        assert!(METHODS.build("negative", toml::Table::new()).unwrap().stages(&[]).is_err());
    }
}
