//! SPEED: an edit within the null space of what is retained, so that it moves nothing there.

mod centres;
mod constrained;
mod null_space_form;
mod retained;
mod texts;

pub use centres::centres;
pub use null_space_form::null_space_form;
pub use retained::Retained;

use oubliette_evidence::Concept;
use oubliette_model::Weights;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::texts::noised;
use super::{Edit, Method, Stage};
use crate::{
    Card, Entry, Error, Result, Study,
    editing::{Matrices, Reader, Tokens, checked, like, matrix},
    lot::Lot,
    wording,
};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<Speed>(Card {
    name: "speed",
    what: "Gives the concept's tokens the guide's values, by a change that only acts where retained texts, filtered and \
           augmented for every matrix, hardly have a part, and that leaves the start token and the middle of the padding alone.",
    changes: "to_v of every cross-attention; to_k by setting",
    cost: "seconds a matrix: eigenvectors of two symmetric matrices of the text encoder's width, no sampling, no gradients; \
           memory for 1 + `augment` embeddings of every retained token",
    broken_by: "few retained texts, for what is not among them changes with the concept; names that were not edited; \
                fine-tuning on texts with a part along the change, the concept's own above all",
    source: "SPEED (arXiv 2503.07392), IPF, DPA and IEC with dW = W (S*1 - S11) P [I - M K2 (K2^T P M K2 + lambda I)^-1 K2^T P] M; \
             released code",
    differs: "in double precision; a neighbour's noise is one normal number along the direction, which is the same distribution; means \
              are over all retained texts, not batches; texts that all count alike are all kept; k-means starts from the farthest \
              tokens; a pseudo-inverse, where lambda is 0; `augment` 0 does not switch the filter off",
    ..Card::BLANK
});

/// Centres of the empty text's tokens whose outputs do not move.
const CENTRES: usize = 3;

/// SPEED's settings; the defaults are the release's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Speed {
    /// What the concept becomes; absent: the empty text, `art` for styles, `person` for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guide: Option<String>,
    /// Texts to retain, but for those that name the concept; empty: the names that its file keeps, else the empty text's tokens.
    pub preserve: Vec<String>,
    /// A direction in which retained embeddings have at least this mean square is left alone.
    pub threshold: f64,
    /// Weight of staying near the old matrices (γ); above 0.
    pub gamma: f64,
    /// Freedom of the start token and the empty text's centres (λ); 0: none.
    pub lambda: f64,
    /// Whether only those retained texts count that the erasure would move more than the mean.
    pub filter: bool,
    /// Neighbours drawn for every retained text.
    pub augment: u32,
    /// Phrases with `{name}` in which the concept's names, its guide and the retained texts are read as well.
    pub phrases: Vec<String>,
    /// Which tokens.
    pub tokens: Tokens,
    /// Which matrices.
    pub matrices: Matrices,
}

impl Default for Speed {
    fn default() -> Self {
        Self {
            guide: None,
            preserve: Vec::new(),
            threshold: 0.1,
            gamma: 1.0,
            lambda: 0.0,
            filter: true,
            augment: 10,
            phrases: Vec::new(),
            tokens: Tokens::LastSubject,
            matrices: Matrices::Values,
        }
    }
}

impl Method for Speed {
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>> {
        checked(&self.phrases)?;
        if let Some(guide) = &self.guide {
            wording::must_be_another(concepts, "guide", guide)?;
        }
        let above = |value: f64| value.is_finite() && value > 0.0;
        let free = self.lambda.is_finite() && self.lambda >= 0.0;
        if !above(self.gamma) || !above(self.threshold) || !free || self.augment > 1000 {
            return Err(Error::Input {
                file: "the recipe".to_owned(),
                thing: format!(
                    "speed has gamma {}, threshold {}, lambda {} and augment {}",
                    self.gamma, self.threshold, self.lambda, self.augment
                ),
                remedy: "choose gamma and threshold above 0, lambda 0 or above, augment at most 1000 (the release's are 1, 0.1, 0 and 10)"
                    .to_owned(),
            });
        }
        Ok(vec![Stage::Edit(Box::new(self.clone()))])
    }
}

impl Edit for Speed {
    fn edit(
        &self,
        study: &Study<'_>,
        concepts: &[Concept],
        weights: &Weights,
        lot: Lot,
    ) -> Result<Weights> {
        let reader = Reader { study, weights, tokens: self.tokens };
        let edits = self.edits(&reader, concepts)?;
        let retained = self.retained(&reader, concepts)?;
        let mut empty = reader.whole("")?;
        let padding = centres(&empty.split_off(1), CENTRES);
        let invariant = [empty, padding].concat();
        let places = self.matrices.of(weights)?;
        let old: Vec<_> =
            places.iter().map(|(name, old)| (name, old.shape()[0], matrix(old))).collect();
        let new = |(name, rows, old): &(&String, usize, Vec<f64>)| {
            let retained = noised(&retained, self.augment, lot.child(name));
            null_space_form(old, *rows, &edits, &retained, &invariant, self)
        };
        // Each matrix by itself: the number of threads changes nothing.
        let new: Option<Vec<_>> = old.par_iter().map(new).collect();
        let new = new.ok_or_else(unsolved)?;
        Ok(places
            .iter()
            .zip(new)
            .map(|((name, old), new)| (name.clone(), like(old, new)))
            .collect())
    }
}

fn unsolved() -> Error {
    Error::Input {
        file: "the recipe".to_owned(),
        thing: "speed's system has no unique solution".to_owned(),
        remedy: "raise `gamma`".to_owned(),
    }
}
