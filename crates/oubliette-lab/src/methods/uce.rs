//! UCE: change the keys and values of cross-attention in closed form, so that the concept's tokens read as the guide's.

mod closed_form;
mod texts;

pub use closed_form::closed_form;

use oubliette_evidence::Concept;
use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{Edit, Method, Stage};
use crate::{
    Card, Entry, Error, Result, Study,
    editing::{Matrices, Pair, Reader, Tokens, checked, like, matrix, within},
    lot::Lot,
    wording,
};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<Uce>(Card {
    name: "uce",
    what: "Solves for keys and values of cross-attention that give the concept's tokens the guide's keys and values \
           while those of preserved texts stay.",
    changes: "to_k and to_v of every cross-attention",
    cost: "seconds: one symmetric system of the text encoder's width, no sampling, no gradients",
    broken_by: "names that were not edited; embedding searches (arXiv 2308.01508); \
                few steps of fine-tuning on unrelated pictures where nothing is preserved (our first look at a lion, on a miniature)",
    source: "Unified Concept Editing in Diffusion Models (arXiv 2308.14761), equation 7; released code of 2023 and 2025",
    differs: "computed as W0 plus a low-rank change in double precision, so no edit changes nothing, bit for bit; \
              an empty guide is read at its start token, as the release's arithmetic gives; \
              preserved texts are read as edited ones are, where the release of 2023 reads them from their start token on (`whole = true`)",
    ..Card::BLANK
});

/// What the edited tokens are given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Technique {
    /// The guide's keys and values.
    #[default]
    Replace,
    /// The guide's, without their part along the old ones (`tensor` in the release).
    Tensor,
}

/// UCE's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Uce {
    /// Weight of staying near the old matrices; above 0.
    pub lambda: f64,
    /// Weight of every erased text.
    pub erase_scale: f64,
    /// Weight of every preserved text.
    pub preserve_scale: f64,
    /// What the concept becomes; absent: the empty text, `art` for styles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guide: Option<String>,
    /// Texts whose keys and values should stay.
    pub preserve: Vec<String>,
    /// Also erase the release's five phrases around every name.
    pub expand: bool,
    /// Phrases with `{name}` in which the concept's names, its guide and the preserved texts are read as well: what a
    /// text encoder says of a name depends on the words before it.
    pub phrases: Vec<String>,
    /// Which tokens.
    pub tokens: Tokens,
    /// Whether preserved texts are read from their start token to the end of the padding, as in the release of 2023, which keeps the
    /// empty text where there are none.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    /// What they are given.
    pub technique: Technique,
}

impl Default for Uce {
    fn default() -> Self {
        Self {
            lambda: 0.5,
            erase_scale: 1.0,
            preserve_scale: 1.0,
            guide: None,
            preserve: Vec::new(),
            expand: false,
            phrases: Vec::new(),
            tokens: Tokens::LastSubject,
            whole: false,
            technique: Technique::Replace,
        }
    }
}

impl Method for Uce {
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>> {
        checked(&self.phrases)?;
        if let Some(guide) = &self.guide {
            wording::must_be_another(concepts, "guide", guide)?;
        }
        let above = |value: f64| value.is_finite() && value > 0.0;
        let kept = self.preserve_scale.is_finite() && self.preserve_scale >= 0.0;
        if !above(self.lambda) || !above(self.erase_scale) || !kept {
            return Err(Error::Input {
                file: "the recipe".to_owned(),
                thing: format!(
                    "uce has lambda {}, erase_scale {} and preserve_scale {}",
                    self.lambda, self.erase_scale, self.preserve_scale
                ),
                remedy: "choose lambda and erase_scale above 0, preserve_scale 0 or above (the paper's are 0.5, 1 and 1)"
                    .to_owned(),
            });
        }
        Ok(vec![Stage::Edit(Box::new(self.clone()))])
    }
}

impl Edit for Uce {
    fn edit(
        &self,
        study: &Study<'_>,
        concepts: &[Concept],
        weights: &Weights,
        _lot: Lot,
    ) -> Result<Weights> {
        let (edits, kept) = self.embedded(study, concepts, weights)?;
        let mut changed = Weights::new();
        for (name, old) in &Matrices::Both.of(weights)? {
            let new = self.solved(&matrix(old), old.shape()[0], &edits, &kept)?;
            changed.insert(name.clone(), like(old, new));
        }
        Ok(changed)
    }
}

/// What is edited: token by token, text by text.
type Edits = Vec<Vec<Pair>>;
/// What is kept: embeddings.
type Kept = Vec<Vec<f64>>;

impl Uce {
    /// The embeddings that are edited, text by text, and those that are kept.
    pub(super) fn embedded(
        &self,
        study: &Study<'_>,
        concepts: &[Concept],
        weights: &Weights,
    ) -> Result<(Edits, Kept)> {
        let reader = Reader { study, weights, tokens: self.tokens };
        let mut edits = Vec::new();
        for (text, guide) in concepts.iter().flat_map(|concept| self.texts(concept)) {
            edits.push(reader.pairs(&text, &guide)?);
        }
        let mut texts: Vec<String> =
            self.preserve.iter().flat_map(|text| within(&self.phrases, text)).collect();
        if self.whole && texts.is_empty() {
            texts.push(String::new());
        }
        let mut kept = Vec::new();
        for text in &texts {
            kept.extend(if self.whole { reader.whole(text)? } else { reader.embeddings(text)? });
        }
        Ok((edits, kept))
    }

    /// The closed form, or what to do where there is none.
    pub(super) fn solved(
        &self,
        old: &[f64],
        rows: usize,
        edits: &[Vec<Pair>],
        kept: &[Vec<f64>],
    ) -> Result<Vec<f64>> {
        closed_form(old, rows, edits, kept, self).ok_or_else(|| Error::Input {
            file: "the recipe".to_owned(),
            thing: "uce's system has no unique solution".to_owned(),
            remedy: "raise `lambda`, and keep the scales at 0 or above".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::METHODS;

    #[test]
    fn a_phrase_that_names_nothing_is_refused() {
        let uce = METHODS.build("uce", toml::toml! { phrases = ["a drawing"] }).unwrap();
        let error = uce.stages(&[]).err().unwrap().to_string();
        assert!(error.contains("a drawing") && error.contains("{name}"), "{error}");
    }
}
