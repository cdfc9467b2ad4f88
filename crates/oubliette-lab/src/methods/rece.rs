//! RECE: UCE, then again and again the embedding that would best bring the concept back, found and erased in closed form.

mod revival;

pub use revival::revive;

use oubliette_evidence::Concept;
use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{Edit, Method, Stage, Uce};
use crate::{
    Card, Entry, Error, Result, Study,
    editing::{Matrices, like, matrix},
    lot::Lot,
};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<Rece>(Card {
    name: "rece",
    what: "Erases the concept as UCE does, then finds the embedding that brings it back best and erases that one too, round after round.",
    changes: "to_k and to_v of every cross-attention",
    cost: "seconds a round: one symmetric system of the text encoder's width for the search, one for each edit",
    broken_by: "adversarial prompts found by gradients (arXiv 2310.11868); \
                fine-tuning on unrelated pictures (our own study of methods, on a miniature)",
    source: "Reliable and Efficient Concept Erasure (arXiv 2407.12383), equations 6 to 9; released code",
    differs: "all matrices of a round are solved from the same embeddings, in double precision; the defaults are those for nudity, whatever the \
              concept: for other unsafe content the release has `rounds = 2`, for styles and hard objects `rounds = 1` and \
              `regulariser = 1e-3`",
    ..Card::BLANK
});

/// RECE's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rece {
    /// Rounds after the first edit: 3 for nudity, 2 for other unsafe content, 1 for styles and hard objects.
    pub rounds: u32,
    /// Weight of the embedding's own length in the search; above 0: 0.1 for what is unsafe, 1e-3 for styles and hard objects.
    pub regulariser: f64,
    /// The edit of every round.
    pub uce: Uce,
}

impl Default for Rece {
    fn default() -> Self {
        Self { rounds: 3, regulariser: 0.1, uce: Uce::default() }
    }
}

impl Method for Rece {
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>> {
        self.uce.stages(concepts)?;
        if !self.regulariser.is_finite() || self.regulariser <= 0.0 || self.rounds > 100 {
            return Err(Error::Input {
                file: "the recipe".to_owned(),
                thing: format!(
                    "rece has regulariser {} and {} rounds",
                    self.regulariser, self.rounds
                ),
                remedy: "choose a regulariser above 0 (the paper's is 0.1) and at most 100 rounds"
                    .to_owned(),
            });
        }
        Ok(vec![Stage::Edit(Box::new(self.clone()))])
    }
}

impl Edit for Rece {
    fn edit(
        &self,
        study: &Study<'_>,
        concepts: &[Concept],
        weights: &Weights,
        _lot: Lot,
    ) -> Result<Weights> {
        let (edits, kept) = self.uce.embedded(study, concepts, weights)?;
        let places = Matrices::Both.of(weights)?;
        let old: Vec<(usize, Vec<f64>)> =
            places.iter().map(|(_, weight)| (weight.shape()[0], matrix(weight))).collect();
        let solve = |from: &[(usize, Vec<f64>)], edits: &[_]| {
            let one = |(rows, matrix): &(usize, Vec<f64>)| {
                Ok((*rows, self.uce.solved(matrix, *rows, edits, &kept)?))
            };
            from.iter().map(one).collect::<Result<Vec<_>>>()
        };
        let mut new = solve(&old, &edits)?;
        for _ in 0..self.rounds {
            new = solve(&new, &revive(&old, &new, &edits, self.regulariser))?;
        }
        let changed = places.iter().zip(new);
        Ok(changed.map(|((name, weight), (_, new))| (name.clone(), like(weight, new))).collect())
    }
}
