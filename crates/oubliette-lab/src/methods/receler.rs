//! Receler: small erasers behind the cross-attentions take the concept out, also against embeddings that would bring it back.

mod erasers;

use oubliette_evidence::Concept;
use oubliette_model::attached::MAX_RANK;
use serde::{Deserialize, Serialize};

use super::{Method, Stage, shown};
use crate::{
    Card, Entry, Error, Result,
    parts::{
        anchor::Nothing,
        mask::Select,
        objective::{Appended, GuidanceReversal},
        source::Trajectory,
    },
    training::{Optimiser, Train, Weighted},
};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<Receler>(Card {
    name: "receler",
    what: "Attaches a small network behind every cross-attention and trains it alone: what the concept's prompt predicts becomes its reverse, \
           also with embeddings behind the name that are kept up to date with what brings it back; what is added where pixels do not look \
           at the name costs. The folder carries the erasers, and only programs that know them apply them.",
    changes: "no weight of the model's own; erasers are attached",
    cost: "`updates` training steps and one of ESD's for every step",
    broken_by: "whoever loads the folder without the erasers; the own prompts of a style (our own study of methods, on a miniature); not measured by its authors against later fine-tuning",
    source: "Receler: Reliable Concept Erasing of Text-to-Image Diffusion Models via Lightweight Erasers (arXiv 2311.17717); released code",
    differs: "see the part `appended`; several concepts of one run share their erasers",
    ..Card::BLANK
});

/// Receler with every choice made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Receler {
    /// Width of the erasers' middle.
    pub rank: usize,
    /// Strength of the reversed guidance.
    pub eta: f64,
    /// Embeddings behind the name.
    pub tokens: usize,
    /// Updates of them before every step; 0: they stay as they were drawn.
    pub updates: u32,
    /// Weight of what erasers add where the original did not look at the name.
    pub locality: f64,
    /// How much of the most that any pixel looks at the name counts as looking.
    pub threshold: f64,
    /// Texts with `{name}`; empty: the concept's own templates.
    pub templates: Vec<String>,
    /// DDIM steps of the sampling that is trained on.
    pub sampling_steps: u32,
    /// Its guidance scale.
    pub guidance: f64,
    /// Training pairs taken from one sampling: 1 as in the paper, more to save time.
    pub pairs: u32,
    /// Learning rate of Adam.
    pub learning_rate: f64,
    /// Training steps.
    pub steps: u64,
    /// Rows of a step.
    pub batch: usize,
}

impl Default for Receler {
    fn default() -> Self {
        Self {
            rank: 128,
            eta: 1.0,
            tokens: 16,
            updates: 50,
            locality: 0.1,
            threshold: 0.1,
            templates: vec!["{name}".to_owned()],
            sampling_steps: 50,
            guidance: 3.0,
            pairs: 1,
            learning_rate: 3e-4,
            steps: 500,
            batch: 1,
        }
    }
}

impl Method for Receler {
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>> {
        if !(1..=MAX_RANK).contains(&self.rank) || self.tokens == 0 {
            return Err(Error::Input {
                file: "the recipe".to_owned(),
                thing: format!("receler has rank {} and {} tokens", self.rank, self.tokens),
                remedy: format!("choose a rank of 1 to {MAX_RANK} and at least one token"),
            });
        }
        let prompts = concepts.iter().flat_map(|concept| shown::prompts(concept, &self.templates));
        let source = Trajectory {
            prompts: prompts.collect(),
            guidance: self.guidance,
            steps: self.sampling_steps,
            batch: self.batch,
            pairs: self.pairs,
            ..Trajectory::default()
        };
        let mut loss = Appended::default();
        loss.reversal = GuidanceReversal { eta: self.eta, ..GuidanceReversal::default() };
        (loss.tokens, loss.updates) = (self.tokens, self.updates);
        (loss.locality, loss.threshold) = (self.locality, self.threshold);
        let train = Train {
            source: Box::new(source),
            anchor: Box::new(Nothing {}),
            forget: vec![Weighted::one(loss)],
            mask: Box::new(Select::of(&["attached/*.eraser.*"])),
            optimiser: Optimiser { learning_rate: self.learning_rate, ..Optimiser::default() },
            steps: self.steps,
            ..Train::named("erase")
        };
        let attach = Stage::Attach(Box::new(erasers::Erasers { rank: self.rank }));
        Ok(vec![attach, Stage::Train(Box::new(train))])
    }
}
