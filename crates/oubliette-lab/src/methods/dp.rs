//! Double Projections: the concept becomes its nearest safe embedding, along what no preserved embedding has a part in.

mod double_projection;

pub use double_projection::double_projection;

use oubliette_evidence::Concept;
use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{Edit, Method, Stage};
use crate::{
    Card, Entry, Error, Result, Study,
    editing::{Matrices, Reader, Tokens, changed, checked, like, matrix, within},
    lot::Lot,
};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<Dp>(Card {
    name: "dp",
    what: "Gives the concept's tokens the keys and values of their nearest combination of safe texts, by a change that only \
           acts along what preserved texts have no part in, so that those stay as they were.",
    changes: "to_k and to_v of every cross-attention, or one of them",
    cost: "seconds: eigenvectors of one symmetric matrix of the text encoder's width, no sampling, no gradients",
    broken_by: "the own prompts of an object and of a style, and fine-tuning on unrelated pictures (our own study of methods, on a miniature); a wide choice of safe texts, whose nearest combination is still the concept; names that were not edited; \
                fine-tuning on texts with a part along the change, the concept's own above all",
    source: "Double Projections (CVPR 2026), dW = W0 (c* - c) x^T / |x|^2 U2^T with x = U2^T c and c* = S (S^T S)^+ S^T c",
    differs: "written from a description of the paper at second hand, without its text or code, so the tokens, the matrices and \
              the safe texts are our choice: the last subject token, keys and values, the superclass, else the preserved texts; several \
              tokens are edited together, with the pseudo-inverse of X in the place of x^T / |x|^2",
    ..Card::BLANK
});

/// Double Projections' settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dp {
    /// Texts whose combinations the concept may become; empty: its superclass, or the preserved texts where it has none.
    pub safe: Vec<String>,
    /// Texts whose keys and values stay; empty: the names that the concept's file keeps.
    pub preserve: Vec<String>,
    /// Directions of the preserved texts that stay, strongest first; absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<usize>,
    /// A direction counts as preserved where its singular value is above this share of the largest one.
    pub tolerance: f64,
    /// Phrases with `{name}` in which the concept's names, the safe and the preserved texts are read as well.
    pub phrases: Vec<String>,
    /// Which tokens.
    pub tokens: Tokens,
    /// Which matrices.
    pub matrices: Matrices,
}

impl Default for Dp {
    fn default() -> Self {
        Self {
            safe: Vec::new(),
            preserve: Vec::new(),
            rank: None,
            tolerance: 1e-6,
            phrases: Vec::new(),
            tokens: Tokens::LastSubject,
            matrices: Matrices::Both,
        }
    }
}

impl Method for Dp {
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>> {
        checked(&self.phrases)?;
        if !(1e-7..1.0).contains(&self.tolerance) {
            return Err(Error::Input {
                file: "the recipe".to_owned(),
                thing: format!("dp has tolerance {}", self.tolerance),
                remedy: "choose one from 1e-7 (embeddings are no more exact) to below 1".to_owned(),
            });
        }
        match concepts.iter().find(|concept| self.safe(concept).is_empty()) {
            Some(concept) => Err(Error::Input {
                file: format!("concept `{}`", concept.id),
                thing: "there is nothing safe that it could become".to_owned(),
                remedy: "add `superclass = \"...\"` or `keep`, or name texts in dp's `safe`"
                    .to_owned(),
            }),
            None => Ok(vec![Stage::Edit(Box::new(self.clone()))]),
        }
    }
}

impl Edit for Dp {
    fn edit(
        &self,
        study: &Study<'_>,
        concepts: &[Concept],
        weights: &Weights,
        _lot: Lot,
    ) -> Result<Weights> {
        let reader = Reader { study, weights, tokens: self.tokens };
        let all = |texts: Vec<String>| self.embeddings(&reader, &texts);
        let names: Vec<_> = concepts.iter().flat_map(|concept| concept.names.clone()).collect();
        let targets = all(names)?;
        let safe = all(concepts.iter().flat_map(|concept| self.safe(concept)).collect())?;
        let kept = all(concepts.iter().flat_map(|concept| self.kept(concept)).collect())?;
        let changes = double_projection(&targets, &safe, &kept, self)
            .ok_or_else(|| inside(concepts, targets.len()))?;
        let places = self.matrices.of(weights)?;
        let new = |old| like(old, changed(&matrix(old), &changes));
        Ok(places.iter().map(|(name, old)| (name.clone(), new(old))).collect())
    }
}

/// What to do where a target lies among what is preserved.
fn inside(concepts: &[Concept], targets: usize) -> Error {
    let ids: Vec<_> = concepts.iter().map(|concept| format!("`{}`", concept.id)).collect();
    Error::Input {
        file: format!("concept {}", ids.join(", ")),
        thing: format!(
            "of its {targets} embeddings one has no part beside those that dp shall preserve, so nothing of it can change"
        ),
        remedy: "preserve fewer texts, none that says what the concept's names say, or lower dp's `rank`"
            .to_owned(),
    }
}

impl Dp {
    fn kept(&self, concept: &Concept) -> Vec<String> {
        if self.preserve.is_empty() { concept.keep.clone() } else { self.preserve.clone() }
    }

    fn safe(&self, concept: &Concept) -> Vec<String> {
        match &concept.superclass {
            _ if !self.safe.is_empty() => self.safe.clone(),
            Some(superclass) => vec![superclass.clone()],
            None => self.kept(concept),
        }
    }

    /// The embeddings of texts by themselves and in every phrase.
    fn embeddings(&self, reader: &Reader<'_>, texts: &[String]) -> Result<Vec<Vec<f64>>> {
        let mut all = Vec::new();
        for text in texts.iter().flat_map(|text| within(&self.phrases, text)) {
            all.extend(reader.embeddings(&text)?);
        }
        Ok(all)
    }
}
