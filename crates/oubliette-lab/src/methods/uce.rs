//! UCE: change the keys and values of cross-attention in closed form, so that the concept's tokens read as the guide's.

mod closed_form;

pub use closed_form::{Pair, closed_form};

use burn::tensor::DType;
use oubliette_evidence::{Concept, concept::Kind};
use oubliette_model::{Weight, Weights};
use serde::{Deserialize, Serialize};

use super::{Edit, Method, Stage};
use crate::{Card, Entry, Error, Result, Study, wording};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<Uce>(Card {
    name: "uce",
    what: "Solves for keys and values of cross-attention that give the concept's tokens the guide's keys and values \
           while those of preserved texts stay.",
    changes: "to_k and to_v of every cross-attention",
    cost: "seconds: one symmetric system of the text encoder's width, no sampling, no gradients",
    broken_by: "names that were not edited; embedding searches (arXiv 2308.01508); few fine-tuning steps",
    source: "Unified Concept Editing in Diffusion Models (arXiv 2308.14761), equation 7; released code of 2023 and 2025",
    differs: "computed as W0 plus a low-rank change in double precision, so no edit changes nothing, bit for bit; \
              an empty guide is read at its start token, as the release's arithmetic gives",
    ..Card::BLANK
});

/// Which token embeddings of a text are edited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tokens {
    /// The last token of the text: the code of 2025.
    #[default]
    LastSubject,
    /// The last token of the text and all that follow it, padding too: the code of 2023.
    All,
}

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
            technique: Technique::Replace,
        }
    }
}

impl Method for Uce {
    fn stages(&self, _concepts: &[Concept]) -> Result<Vec<Stage>> {
        let positive = self.lambda.is_finite() && self.lambda > 0.0;
        if let Some(phrase) = self.phrases.iter().find(|phrase| !phrase.contains("{name}")) {
            return Err(Error::Input {
                file: "the recipe".to_owned(),
                thing: format!("uce's phrase `{phrase}` names nothing"),
                remedy: "write `{name}` where the concept's name belongs".to_owned(),
            });
        }
        if !positive || self.erase_scale.is_nan() || self.preserve_scale.is_nan() {
            return Err(Error::Input {
                file: "the recipe".to_owned(),
                thing: format!(
                    "uce has lambda {}, with which there is no unique solution",
                    self.lambda
                ),
                remedy: "give a lambda above 0 (the paper's is 0.5)".to_owned(),
            });
        }
        Ok(vec![Stage::Edit(Box::new(self.clone()))])
    }
}

impl Edit for Uce {
    fn edit(&self, study: &Study<'_>, concepts: &[Concept], weights: &Weights) -> Result<Weights> {
        let (edits, kept) = self.embedded(study, concepts, weights)?;
        let mut changed = Weights::new();
        for (name, old) in &keys_and_values(weights)? {
            let new = self.solved(&matrix(old), old.shape()[0], &edits, &kept)?;
            changed.insert(name.clone(), like(old, new));
        }
        Ok(changed)
    }
}

/// Keys and values of every cross-attention.
pub(super) fn keys_and_values(weights: &Weights) -> Result<Weights> {
    let select = oubliette_model::Select {
        include: vec!["attn2-kv".to_owned()],
        exclude: vec!["*.bias".to_owned()],
    };
    Ok(weights.only(&select.names(weights)?))
}

/// A matrix in double precision, row-major.
pub(super) fn matrix(weight: &Weight) -> Vec<f64> {
    weight.to_f32_vec().into_iter().map(f64::from).collect()
}

/// New values in an old weight's shape and format.
pub(super) fn like(old: &Weight, new: Vec<f64>) -> Weight {
    // Values in half precision would lose the edit's own precision before the cast to the file's format.
    let new = new.into_iter().map(|value| value as f32).collect();
    Weight::from_f32(new, old.shape(), &old.device(), DType::F32).to(&old.device(), old.dtype())
}

impl Uce {
    /// The embeddings that are edited, text by text, and those that are kept.
    pub(super) fn embedded(
        &self,
        study: &Study<'_>,
        concepts: &[Concept],
        weights: &Weights,
    ) -> Result<(Vec<Vec<Pair>>, Vec<Vec<f64>>)> {
        let mut edits = Vec::new();
        for (text, guide) in concepts.iter().flat_map(|concept| self.texts(concept)) {
            edits.push(self.pairs(study, weights, &text, &guide)?);
        }
        let mut kept = Vec::new();
        for text in self.preserve.iter().flat_map(|text| self.within(text)) {
            kept.extend(self.embeddings(study, weights, &text, 0)?);
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

    /// What is erased, each with what it becomes.
    fn texts(&self, concept: &Concept) -> Vec<(String, String)> {
        let guide = self.guide_of(concept);
        let erased = |name: &String| {
            let usual =
                self.around(concept.kind, name).into_iter().map(|text| (text, guide.clone()));
            let own = self.within(name).into_iter().zip(self.within(&guide));
            own.chain(usual).collect::<Vec<_>>()
        };
        concept.names.iter().flat_map(erased).collect()
    }

    /// A text by itself and in every phrase of the recipe.
    fn within(&self, text: &str) -> Vec<String> {
        let phrases = self.phrases.iter().map(|phrase| wording::fill(phrase, text));
        std::iter::once(text.to_owned()).chain(phrases).collect()
    }

    /// The release's phrases around a name, where the recipe asks for them.
    fn around(&self, kind: Kind, name: &str) -> Vec<String> {
        let phrases: &[&str] = match (self.expand, kind) {
            (false, _) => &[],
            (true, Kind::Style) => &[
                "painting by {name}",
                "art by {name}",
                "artwork by {name}",
                "picture by {name}",
                "style of {name}",
            ],
            (true, _) => &[
                "image of {name}",
                "photo of {name}",
                "portrait of {name}",
                "picture of {name}",
                "painting of {name}",
            ],
        };
        phrases.iter().map(|phrase| wording::fill(phrase, name)).collect()
    }

    fn guide_of(&self, concept: &Concept) -> String {
        let usual = if concept.kind == Kind::Style { "art" } else { "" };
        self.guide.clone().unwrap_or_else(|| usual.to_owned())
    }

    /// The concept's token embeddings beside the guide's, aligned at the last token of either text.
    fn pairs(
        &self,
        study: &Study<'_>,
        weights: &Weights,
        text: &str,
        guide: &str,
    ) -> Result<Vec<Pair>> {
        let (from, to) = (last_token(study, text)?, last_token(study, guide)?);
        let from = self.embeddings(study, weights, text, to.saturating_sub(from))?;
        let to =
            self.embeddings(study, weights, guide, last_token(study, text)?.saturating_sub(to))?;
        Ok(from.into_iter().zip(to).map(|(from, to)| Pair { from, to }).collect())
    }

    /// Embeddings from the last token on, without the final `less` of them.
    fn embeddings(
        &self,
        study: &Study<'_>,
        weights: &Weights,
        text: &str,
        less: usize,
    ) -> Result<Vec<Vec<f64>>> {
        let context = study.sd.encode_prompts(weights, &[text.to_owned()])?;
        let [_, tokens, width] = context.dims();
        let values = Weight::new(context).to_f32_vec();
        let first = last_token(study, text)?;
        let end = match self.tokens {
            Tokens::LastSubject => first + 1,
            Tokens::All => tokens - less,
        };
        Ok((first..end)
            .map(|token| values[token * width..][..width].iter().copied().map(f64::from).collect())
            .collect())
    }
}

/// Where the text's last token stands; for the empty text that is the start token, as in the release.
fn last_token(study: &Study<'_>, text: &str) -> Result<usize> {
    Ok(study.sd.tokenizer.encode(text)?.used - 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::METHODS;

    #[test]
    fn a_phrase_holds_the_concept_and_its_guide_alike() {
        let uce = Uce {
            guide: Some("fox".to_owned()),
            phrases: vec!["a drawn {name}".to_owned()],
            ..Uce::default()
        };
        let text = "schema = 1\nid = \"lion\"\nkind = \"object\"\nnames = [\"lion\"]\nprompts = [\"a {name}\"]\n\
                    [[detector]]\nkind = \"clip\"\n[claim]\ntolerated = 0.05\nreturned = 0.3\nfalse_alarm = 0.05\n\
                    missed_return = 0.05\nkeep_margin = 0.05\n";
        let document = oubliette_evidence::document::Document::new("lion.toml".as_ref(), text);
        let concept = Concept::parse(&document).unwrap();
        let erased = uce.texts(&concept);
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(erased, [pair("lion", "fox"), pair("a drawn lion", "a drawn fox")]);
    }

    #[test]
    fn a_phrase_that_names_nothing_is_refused() {
        let uce = METHODS.build("uce", toml::toml! { phrases = ["a drawing"] }).unwrap();
        let error = uce.stages(&[]).err().unwrap().to_string();
        assert!(error.contains("a drawing") && error.contains("{name}"), "{error}");
    }
}
