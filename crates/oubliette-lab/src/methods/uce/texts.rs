//! Which texts are edited and what they become, and the embeddings of their tokens.

use oubliette_evidence::{Concept, concept::Kind};
use oubliette_model::{Weight, Weights};

use super::{Pair, Tokens, Uce};
use crate::{Result, Study, wording};

impl Uce {
    /// What is erased, each with what it becomes.
    pub(super) fn texts(&self, concept: &Concept) -> Vec<(String, String)> {
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
    pub(super) fn within(&self, text: &str) -> Vec<String> {
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
    pub(super) fn pairs(
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
    pub(super) fn embeddings(
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
}
