//! Token embeddings in double precision: what of a text a closed form edits or keeps.

use oubliette_evidence::concept::Kind;
use oubliette_model::{Weight, Weights};
use serde::{Deserialize, Serialize};

use crate::{Error, Result, Study, wording};

/// One token embedding and the one whose key or value it shall be given.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The concept's.
    pub from: Vec<f64>,
    /// The guide's.
    pub to: Vec<f64>,
}

/// Which token embeddings of a text are edited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tokens {
    /// The last token of the text: UCE's code of 2025.
    #[default]
    LastSubject,
    /// The last token of the text and all that follow it, padding too: UCE's code of 2023.
    All,
}

/// Reads texts as the model's text encoder does.
pub(crate) struct Reader<'a> {
    /// The model.
    pub(crate) study: &'a Study<'a>,
    /// The weights of its text encoder.
    pub(crate) weights: &'a Weights,
    /// Which tokens are meant.
    pub(crate) tokens: Tokens,
}

impl Reader<'_> {
    /// The concept's token embeddings beside the guide's, aligned at the last token of either text.
    pub(crate) fn pairs(&self, text: &str, guide: &str) -> Result<Vec<Pair>> {
        let (from, to) = (self.last_token(text)?, self.last_token(guide)?);
        let from_all = self.since_last(text, to.saturating_sub(from))?;
        let to_all = self.since_last(guide, from.saturating_sub(to))?;
        Ok(from_all.into_iter().zip(to_all).map(|(from, to)| Pair { from, to }).collect())
    }

    /// The embeddings of the tokens that are meant.
    pub(crate) fn embeddings(&self, text: &str) -> Result<Vec<Vec<f64>>> {
        self.since_last(text, 0)
    }

    /// Embeddings from the last token on, without the final `less` of them.
    fn since_last(&self, text: &str, less: usize) -> Result<Vec<Vec<f64>>> {
        let mut all = self.whole(text)?;
        let first = self.last_token(text)?;
        let end = match self.tokens {
            Tokens::LastSubject => first + 1,
            Tokens::All => all.len() - less,
        };
        all.truncate(end);
        Ok(all.split_off(first))
    }

    /// The embeddings of every token, start and padding too.
    pub(crate) fn whole(&self, text: &str) -> Result<Vec<Vec<f64>>> {
        let context = self.study.sd.encode_prompts(self.weights, &[text.to_owned()])?;
        let width = context.dims()[2];
        let values = Weight::new(context).to_f32_vec();
        if !values.iter().all(|value| value.is_finite()) {
            return Err(Error::Input {
                file: "the model".to_owned(),
                thing: format!("its text encoder makes no finite numbers of `{text}`"),
                remedy: "choose a model that was not destroyed by training".to_owned(),
            });
        }
        let token = |values: &[f32]| values.iter().copied().map(f64::from).collect();
        Ok(values.chunks_exact(width).map(token).collect())
    }

    /// Where the text's last token stands; for the empty text that is the start token, as in UCE's release.
    fn last_token(&self, text: &str) -> Result<usize> {
        Ok(self.study.sd.tokenizer.encode(text)?.tokens())
    }
}

/// A text by itself and in every one of `phrases`.
pub(crate) fn within(phrases: &[String], text: &str) -> Vec<String> {
    let phrases = phrases.iter().map(|phrase| wording::fill(phrase, text));
    std::iter::once(text.to_owned()).chain(phrases).collect()
}

/// What a concept becomes where the recipe does not say: the empty text, `art` for styles.
pub(crate) fn usual_guide(kind: Kind) -> &'static str {
    if kind == Kind::Style { "art" } else { "" }
}

/// Refuses phrases in which no name has a place.
///
/// # Errors
/// For the first such phrase.
pub(crate) fn checked(phrases: &[String]) -> Result<()> {
    match phrases.iter().find(|phrase| !phrase.contains("{name}")) {
        None => Ok(()),
        Some(phrase) => Err(Error::Input {
            file: "the recipe".to_owned(),
            thing: format!("the phrase `{phrase}` names nothing"),
            remedy: "write `{name}` where the concept's name belongs".to_owned(),
        }),
    }
}
