//! EraseDiff: keep by the diffusion loss, forget by relabelling, and let a factor say how much of the second the first allows.

use oubliette_evidence::Concept;
use serde::{Deserialize, Serialize};

use super::{
    Method, Stage,
    shown::{self, Drawing},
};
use crate::{
    Card, Entry, Result,
    parts::{combiner::Bilevel, mask::Select},
    training::{Optimiser, Train},
};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<EraseDiff>(Card {
    name: "erasediff",
    what: "Under the concept's prompt, predict what is predicted for another class, while the diffusion loss holds what must stay; the \
           forget gradient counts lambda times, or the more the two conflict.",
    changes: "all of the denoiser but cross-attention; `weights` chooses others",
    cost: "sampling of those of twice `pictures` that a step looks at before the first step; a step is two training steps and one forward",
    broken_by: "quality suffers (FID 233 in arXiv 2405.15234)",
    source: "EraseDiff: Erasing Data Influence in Diffusion Models (arXiv 2401.05779), the bilevel objective; released code",
    differs: "see the part `bilevel`: the inner steps change no gradient; the other class is the concept's first neighbour",
    ..Card::BLANK
});

/// EraseDiff with every choice made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EraseDiff {
    /// What the concept's prompts are taught to mean; absent: the concept's first neighbour, or its superclass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Weight of the forget gradient.
    pub lambda: f64,
    /// In place of `lambda`: eta less the cosine between the two gradients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta: Option<f64>,
    /// Texts with `{name}`; empty: the concept's own templates.
    pub templates: Vec<String>,
    /// What must stay; empty: the concept's neighbours and its superclass.
    pub retain: Vec<String>,
    /// Pictures of the concept, and as many of what must stay.
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
    /// Rows of a step, on either side.
    pub batch: usize,
}

impl Default for EraseDiff {
    fn default() -> Self {
        Self {
            label: None,
            lambda: 1.0,
            eta: None,
            templates: Vec::new(),
            retain: Vec::new(),
            pictures: 800,
            sampling_steps: 20,
            guidance: 7.5,
            weights: vec!["all-but-attn2".to_owned()],
            learning_rate: 1e-5,
            // Five epochs over 800 pictures.
            steps: 250,
            batch: 16,
        }
    }
}

impl Method for EraseDiff {
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>> {
        let (steps, guidance) = (self.sampling_steps, self.guidance);
        let drawing = Drawing { pictures: self.pictures, steps, guidance, batch: self.batch };
        let shown = shown::Relabelled {
            label: self.label.as_deref(),
            templates: &self.templates,
            retain: &self.retain,
        };
        let train = Train {
            combiner: Box::new(Bilevel { lambda: self.lambda, eta: self.eta }),
            mask: Box::new(Select { include: self.weights.clone(), exclude: Vec::new() }),
            optimiser: Optimiser { learning_rate: self.learning_rate, ..Optimiser::default() },
            steps: self.steps,
            ..shown.train(concepts, &drawing)?
        };
        Ok(vec![Stage::Train(Box::new(train))])
    }
}
