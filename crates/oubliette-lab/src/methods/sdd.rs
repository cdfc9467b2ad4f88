//! SDD: under the concept's name, predict what is predicted under none; an average of the model draws and is what is left.

use oubliette_evidence::Concept;
use serde::{Deserialize, Serialize};

use super::{Method, Stage};
use crate::{
    Card, Entry, Result,
    parts::{
        anchor::Nothing,
        mask::Select,
        objective::AnchorMatch,
        source::{Trajectory, Whose},
    },
    training::{Optimiser, Train, Weighted},
};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<Sdd>(Card {
    name: "sdd",
    what: "Teaches the concept's name to mean nothing: the student is matched to its own prediction under the empty prompt, on latents that \
           a slow average of it draws; the average is the result.",
    changes: "cross-attention; `weights` chooses others",
    cost: "a step is a partial sampling (25 guided steps on average), one forward and one training step",
    broken_by: "fine-tuning on unrelated pictures (our own study of methods, on a miniature); fine-tuning on harmful pictures (57 in 100 for nudity after 100 steps, arXiv 2410.12777)",
    source: "Towards Safe Self-Distillation of Internet-Scale Text-to-Image Diffusion Models (arXiv 2307.05977); released code",
    differs: "several names are drawn and trained one at a time, where the release joins them with commas",
    ..Card::BLANK
});

/// SDD with every choice made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sdd {
    /// Texts to erase; empty: the concepts' names.
    pub prompts: Vec<String>,
    /// Decay of the average.
    pub decay: f64,
    /// Guidance scale of the sampling that makes the latents.
    pub guidance: f64,
    /// DDIM steps of a whole sampling.
    pub sampling_steps: u32,
    /// Training pairs taken from one sampling: 1 as in the paper, more to save time.
    pub pairs: u32,
    /// Which weights move.
    pub weights: Vec<String>,
    /// Learning rate of AdamW.
    pub learning_rate: f64,
    /// Its weight decay.
    pub weight_decay: f64,
    /// Training steps.
    pub steps: u64,
    /// Rows of a step.
    pub batch: usize,
}

impl Default for Sdd {
    fn default() -> Self {
        Self {
            prompts: Vec::new(),
            decay: 0.999,
            guidance: 3.0,
            sampling_steps: 50,
            pairs: 1,
            weights: vec!["attn2".to_owned()],
            learning_rate: 1e-5,
            weight_decay: 1e-4,
            steps: 1500,
            batch: 1,
        }
    }
}

impl Method for Sdd {
    fn stages(&self, _concepts: &[Concept]) -> Result<Vec<Stage>> {
        let source = Trajectory {
            prompts: self.prompts.clone(),
            guidance: self.guidance,
            steps: self.sampling_steps,
            batch: self.batch,
            pairs: self.pairs,
            model: Whose::Student,
            ..Trajectory::default()
        };
        let train = Train {
            source: Box::new(source),
            anchor: Box::new(Nothing {}),
            forget: vec![Weighted::one(AnchorMatch::default())],
            mask: Box::new(Select { include: self.weights.clone(), exclude: Vec::new() }),
            optimiser: Optimiser {
                learning_rate: self.learning_rate,
                weight_decay: self.weight_decay,
                ..Optimiser::default()
            },
            average: Some(self.decay),
            steps: self.steps,
            ..Train::named("distil")
        };
        Ok(vec![Stage::Train(Box::new(train))])
    }
}
