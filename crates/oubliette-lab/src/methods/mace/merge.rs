//! MACE's last stage: one matrix that does to every concept's prompts what its own adapter did.

use oubliette_evidence::Concept;
use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{prior, refine::singular};
use crate::{
    Result, Study,
    editing::{Matrices, Reader, Tokens, Wanted, like, matrix, refit, times},
    methods::Fuse,
};

/// Closed-form fusion of adapters of the paper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Merge {
    /// The prompts of every concept, in the order of the adapters.
    pub(super) prompts: Vec<Vec<String>>,
    pub(super) preserve: Vec<String>,
    pub(super) preserve_scale: f64,
    pub(super) lambda: f64,
}

impl Fuse for Merge {
    fn fuse(
        &self,
        study: &Study<'_>,
        _concepts: &[Concept],
        weights: &Weights,
        adapted: &[Weights],
    ) -> Result<Weights> {
        let reader = Reader { study, weights, tokens: Tokens::All };
        let kept = prior(&reader, &self.preserve)?;
        let mut inputs = Vec::new();
        for prompts in &self.prompts {
            inputs.push(prior(&reader, prompts)?);
        }
        let mut changed = Weights::new();
        for (name, refined) in &Matrices::Both.of(weights)? {
            let mut wanted = Vec::new();
            for (inputs, adapted) in inputs.iter().zip(adapted) {
                let Some(own) = adapted.get(name).map(matrix) else { continue };
                wanted.extend(inputs.iter().map(|input| Wanted {
                    weight: 1.0,
                    input: input.clone(),
                    output: times(&own, input),
                }));
            }
            let original = study.was(name).map_or_else(Vec::new, matrix);
            wanted.extend(kept.iter().map(|input| Wanted {
                weight: self.preserve_scale,
                input: input.clone(),
                output: times(&original, input),
            }));
            let before = matrix(refined);
            let new =
                refit(&before, refined.shape()[0], self.lambda, &wanted).ok_or_else(singular)?;
            changed.insert(name.clone(), like(refined, new));
        }
        Ok(changed)
    }
}
