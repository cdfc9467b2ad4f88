//! Retain by elastic weight consolidation: a weight may move the less, the more the diffusion loss depends on it.

use std::collections::BTreeSet;

use burn::tensor::Tensor;
use oubliette_model::{Weight, Weights};
use serde::{Deserialize, Serialize};

use super::{NoiseMse, Objective, Scene, Stateful, drift};
use crate::{Card, Entry, Error, Result, gradients::gradients};

pub(super) const ENTRY: Entry<dyn Objective> = Entry::of::<Elastic>(Card {
    name: "elastic",
    what: "Half the squared distance of every trained weight from what it was, times its Fisher information: the mean square of the gradient \
           of the diffusion loss on retain pictures, one by one.",
    changes: "what the mask lets move",
    cost: "`survey` batches of training steps, row by row, before the first step; one number a weight",
    source: "Selective Amnesia (arXiv 2305.10120), its elastic term; elastic weight consolidation (arXiv 1612.00796)",
    broken_by: "pictures that the survey did not see",
    differs: "half the square, as elastic weight consolidation has it; the released code of Selective Amnesia counts the whole (`whole = true`)",
    ..Card::BLANK
});

/// The elastic penalty.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Elastic {
    /// Batches that the Fisher information is estimated from.
    pub survey: u64,
    /// The whole square in place of half of it, as the released code has it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    #[serde(skip)]
    fisher: Weights,
}

impl Default for Elastic {
    fn default() -> Self {
        Self { survey: 100, whole: false, fisher: Weights::new() }
    }
}

impl Stateful for Elastic {
    fn state(&self) -> Weights {
        self.fisher.clone()
    }

    fn restore(&mut self, state: &Weights) -> Result<()> {
        self.fisher = state.clone();
        Ok(())
    }
}

impl Objective for Elastic {
    fn needs_pictures(&self) -> bool {
        true
    }

    fn loss(&self, scene: &Scene<'_>, student: &Weights) -> Result<Tensor<1>> {
        let factor = if self.whole { 1.0 } else { 0.5 };
        let cost = |name: &str, change: Tensor<1>| {
            let fisher = self.fisher.get(name).map(Weight::flat);
            let square = change.clone() * change * factor;
            square * fisher.expect("the survey saw the gradients of all that moves")
        };
        Ok(drift(scene, student, cost)?.0)
    }

    fn check(&self) -> Result<()> {
        match self.survey {
            0 => Err(Error::in_method(
                "`survey` is 0, so nothing is known of what the weights are for",
                "look at one batch at least",
            )),
            _ => Ok(()),
        }
    }

    fn survey(&self) -> u64 {
        self.survey
    }

    fn look(&mut self, scene: &Scene<'_>, moving: &BTreeSet<String>) -> Result<()> {
        let rows = scene.batch.prompts.len();
        for row in 0..rows {
            let batch = scene.batch.row(row);
            let alone = Scene { batch: &batch, ..*scene };
            let loss = |weights: &Weights| NoiseMse {}.loss(&alone, weights);
            let found = gradients(scene.study.original, moving, loss)?;
            let share = 1.0 / (rows as f64 * self.survey as f64);
            let squares = found.by_name.clone().times(&found.by_name).scaled(share);
            self.fisher = match self.fisher.is_empty() {
                true => squares,
                false => self.fisher.plus(&squares, 1.0),
            };
        }
        Ok(())
    }

    fn copies(&self) -> u64 {
        1
    }

    fn looks_at_moves(&self) -> bool {
        true
    }
}
