//! Forget by making the concept's guidance lead nowhere that it led before.

use burn::tensor::Tensor;
use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{Objective, Scene, Stateful};
use crate::{Card, Entry, Result};

pub(super) const ENTRY: Entry<dyn Objective> = Entry::of::<Irrelevance>(Card {
    name: "irrelevance",
    what: "The mean product, element by element, of the student's guidance (with the prompt less without it) and the original's: zero where \
           the student's leads nowhere in particular, negative where it leads away from the concept.",
    changes: "what the mask lets move",
    cost: "the student's forward on twice the rows and the original's on twice the rows",
    source: "Separable Multi-Concept Erasure from Diffusion Models (arXiv 2402.05947), concept-irrelevant representations; released code",
    broken_by: "it has no lower bound: stop the training early (`until` of the method)",
    ..Card::BLANK
});

/// The student's guidance along the original's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Irrelevance {}

impl Stateful for Irrelevance {}

impl Objective for Irrelevance {
    fn loss(&self, scene: &Scene<'_>, student: &Weights) -> Result<Tensor<1>> {
        let then = guidance(scene, scene.study.original)?;
        Ok((guidance(scene, student)? * then).mean())
    }
}

/// What the prompts add to the prediction.
fn guidance(scene: &Scene<'_>, weights: &Weights) -> Result<Tensor<4>> {
    let (study, batch) = (scene.study, scene.batch);
    let empty = study.context(weights, &vec![String::new(); batch.prompts.len()])?;
    let named = study.context(weights, &batch.prompts)?;
    let [without, with] = study.predict_many(weights, batch, [empty, named]);
    Ok(with - without)
}
