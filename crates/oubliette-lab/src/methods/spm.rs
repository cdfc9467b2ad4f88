//! SPM: one-dimensional adapters take the concept out, as strongly as a prompt is like it.

mod adapters;

use oubliette_evidence::Concept;
use oubliette_model::attached::MAX_RANK;
use serde::{Deserialize, Serialize};

use super::{Method, Stage, shown};
use crate::{
    Card, Entry, Error, Result,
    parts::{
        anchor::Nothing,
        mask::Select,
        objective::{GuidanceReversal, LatentAnchor},
        source::Trajectory,
    },
    training::{Optimiser, Train, Weighted},
};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<Spm>(Card {
    name: "spm",
    what: "Attaches an adapter of rank one to every layer of the transformers, one for each concept, and trains it alone: what the concept's \
           prompt predicts becomes its reverse, while nothing changes under random embeddings. When pictures are made, the adapter is as \
           strong as the prompt is like the concept. The folder carries it, and only programs that know it apply it.",
    changes: "no weight of the model's own; an adapter is attached",
    cost: "a step is one of ESD's, and `samples` rows more through student and original",
    broken_by: "whoever loads the folder without the adapter; the own prompts of a style (our own study of methods, on a miniature); \
                prompts that are unlike the concept's name; 92 in 100 adversarial prompts \
                for nudity (arXiv 2405.15234)",
    source: "One-Dimensional Adapter to Rule Them All: Concepts, Diffusion Models and Erasing Applications (SPM, arXiv 2312.16145); released code",
    differs: "the learning rate is constant and nothing decays; the timestep is drawn from the level's bucket; a rank above 1 is not scaled down; \
              a fine-tuning of the model moves its own weights, and the adapter is put on again afterwards",
    ..Card::BLANK
});

/// SPM with every choice made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spm {
    /// Rank of the adapters.
    pub rank: usize,
    /// Strength of the reversed guidance.
    pub eta: f64,
    /// Weight of staying under random embeddings.
    pub keep: f64,
    /// Random embeddings a step.
    pub samples: usize,
    /// Texts with `{name}` that are trained on; empty: the concept's own templates.
    pub templates: Vec<String>,
    /// DDIM steps of the sampling that is trained on.
    pub sampling_steps: u32,
    /// Its guidance scale.
    pub guidance: f64,
    /// Training pairs taken from one sampling: 1 as in the paper, more to save time.
    pub pairs: u32,
    /// Learning rate of AdamW.
    pub learning_rate: f64,
    /// Training steps of each adapter.
    pub steps: u64,
    /// Rows of a step.
    pub batch: usize,
}

impl Default for Spm {
    fn default() -> Self {
        Self {
            rank: 1,
            eta: 1.0,
            keep: 1000.0,
            samples: 4,
            templates: vec!["{name}".to_owned()],
            sampling_steps: 30,
            guidance: 3.0,
            pairs: 1,
            learning_rate: 1e-4,
            steps: 3000,
            batch: 1,
        }
    }
}

impl Method for Spm {
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>> {
        if !(1..=MAX_RANK).contains(&self.rank) || self.samples == 0 {
            return Err(Error::Input {
                file: "the recipe".to_owned(),
                thing: format!("spm has rank {} and {} samples", self.rank, self.samples),
                remedy: format!("choose a rank of 1 to {MAX_RANK} and at least one sample"),
            });
        }
        Ok(concepts.iter().flat_map(|concept| self.adapter(concept)).collect())
    }
}

impl Spm {
    fn adapter(&self, concept: &Concept) -> [Stage; 2] {
        let (id, texts, rank) = (concept.id.clone(), concept.names.clone(), self.rank);
        let source = Trajectory {
            prompts: shown::prompts(concept, &self.templates),
            guidance: self.guidance,
            steps: self.sampling_steps,
            batch: self.batch,
            pairs: self.pairs,
            ..Trajectory::default()
        };
        let reversal = GuidanceReversal { eta: self.eta, ..GuidanceReversal::default() };
        let mut anchored = LatentAnchor::default();
        anchored.samples = self.samples;
        let train = Train {
            source: Box::new(source),
            anchor: Box::new(Nothing {}),
            forget: vec![Weighted::one(reversal)],
            retain: vec![Weighted { objective: Box::new(anchored), weight: self.keep }],
            mask: Box::new(Select::of(&[&format!("attached/*.adapter.{id}.*")])),
            optimiser: Optimiser { learning_rate: self.learning_rate, ..Optimiser::default() },
            steps: self.steps,
            alone: true,
            ..Train::named("adapt")
        };
        let adapter = adapters::Adapter { id, texts, rank };
        [Stage::Attach(Box::new(adapter)), Stage::Train(Box::new(train))]
    }
}
