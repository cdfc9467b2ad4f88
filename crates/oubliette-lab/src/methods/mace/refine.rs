//! MACE's first stage: the words around the concept's name are read as if another name stood there.

use oubliette_evidence::Concept;
use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{around, prior};
use crate::{
    Error, Result, Study,
    editing::{Matrices, Reader, Tokens, Wanted, like, matrix, refit, times},
    lot::Lot,
    methods::Edit,
};

/// Closed-form refinement of keys and values of the paper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Refine {
    /// The prompts of every concept.
    pub(super) prompts: Vec<Vec<String>>,
    /// The name that takes each concept's place.
    pub(super) mappings: Vec<String>,
    /// What stays.
    pub(super) preserve: Vec<String>,
    pub(super) preserve_scale: f64,
    pub(super) lambda: f64,
}

impl Edit for Refine {
    fn edit(
        &self,
        study: &Study<'_>,
        concepts: &[Concept],
        weights: &Weights,
        _lot: Lot,
    ) -> Result<Weights> {
        let reader = Reader { study, weights, tokens: Tokens::All };
        let mut pairs = Vec::new();
        for (prompts, mapping) in self.prompts.iter().zip(&self.mappings) {
            pairs.extend(around::read(&reader, concepts, prompts, mapping)?);
        }
        let kept = prior(&reader, &self.preserve)?;
        let mut changed = Weights::new();
        for (name, old) in &Matrices::Both.of(weights)? {
            let before = matrix(old);
            let around = pairs.iter().map(|pair| Wanted {
                weight: 1.0,
                input: pair.from.clone(),
                output: times(&before, &pair.to),
            });
            let stays = kept.iter().map(|input| Wanted {
                weight: self.preserve_scale,
                input: input.clone(),
                output: times(&before, input),
            });
            let wanted: Vec<Wanted> = around.chain(stays).collect();
            let new = refit(&before, old.shape()[0], self.lambda, &wanted).ok_or_else(singular)?;
            changed.insert(name.clone(), like(old, new));
        }
        Ok(changed)
    }
}

/// What to do where the least squares have no unique solution.
pub(super) fn singular() -> Error {
    Error::Input {
        file: "the recipe".to_owned(),
        thing: "mace's system has no unique solution".to_owned(),
        remedy: "raise `lambda`, and keep `preserve_scale` at 0 or above".to_owned(),
    }
}
