//! Forget-Me-Not: pixels are taught not to look at the concept's name.

use oubliette_evidence::Concept;
use serde::{Deserialize, Serialize};

use super::{
    Method, Stage,
    shown::{self, Drawing},
};
use crate::{
    Card, Entry, Result,
    parts::{mask::Select, objective::AttentionNorm},
    training::{Optimiser, Train, Weighted},
};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<Fmn>(Card {
    name: "fmn",
    what: "Makes the cross-attention to the tokens of the concept's name small, on pictures of the concept.",
    changes: "cross-attention; `weights` chooses others",
    cost: "sampling of `pictures` before the first step; a step is one training step; very few steps",
    broken_by: "the own prompts of a style, and fine-tuning on unrelated pictures (our own study of methods, on a miniature); prompts that name the concept in other words; 98 in 100 adversarial prompts for nudity (arXiv 2405.15234)",
    source: "Forget-Me-Not: Learning to Forget in Text-to-Image Diffusion Models (arXiv 2303.17591), attention resteering; released code",
    differs: "the textual inversion that the release may run first, for concepts that no word names, is left out",
    ..Card::BLANK
});

/// Forget-Me-Not with every choice made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fmn {
    /// Texts with `{name}`; empty: the concept's own templates.
    pub templates: Vec<String>,
    /// Pictures of the concept.
    pub pictures: usize,
    /// DPM-Solver++ steps of the sampling that makes them.
    pub sampling_steps: u32,
    /// Its guidance scale.
    pub guidance: f64,
    /// Which weights move.
    pub weights: Vec<String>,
    /// Learning rate of Adam.
    pub learning_rate: f64,
    /// Training steps.
    pub steps: u64,
    /// Rows of a step.
    pub batch: usize,
}

impl Default for Fmn {
    fn default() -> Self {
        Self {
            templates: Vec::new(),
            pictures: 8,
            sampling_steps: 20,
            guidance: 7.5,
            weights: vec!["attn2".to_owned()],
            learning_rate: 2e-6,
            steps: 35,
            batch: 1,
        }
    }
}

impl Method for Fmn {
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>> {
        let named = concepts.iter().flat_map(|concept| shown::prompts(concept, &self.templates));
        let (steps, guidance) = (self.sampling_steps, self.guidance);
        let drawing = Drawing { pictures: self.pictures, steps, guidance, batch: self.batch };
        let train = Train {
            source: Box::new(drawing.of(named.collect())),
            forget: vec![Weighted::one(AttentionNorm::default())],
            mask: Box::new(Select { include: self.weights.clone(), exclude: Vec::new() }),
            optimiser: Optimiser { learning_rate: self.learning_rate, ..Optimiser::default() },
            steps: self.steps,
            ..Train::named("resteer")
        };
        Ok(vec![Stage::Train(Box::new(train))])
    }
}
