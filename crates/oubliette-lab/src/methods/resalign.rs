//! ResAlign: forget by ascent, where the weights are and behind an update that somebody may make later.

use oubliette_evidence::Concept;
use serde::{Deserialize, Serialize};

use super::{
    Method, Stage,
    shown::{self, Drawing},
};
use crate::{
    Card, Entry, Result,
    parts::{
        mask::Select,
        objective::{Ascent, Distill, NoiseMse},
        wrapper,
    },
    training::{Optimiser, Relearn, Train, Weighted},
};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<ResAlign>(Card {
    name: "resalign",
    what: "Makes the diffusion loss on the concept's pictures grow, in every step also behind an imagined update on pictures of \
           something else, whose end is differentiated through; what is retained stays as the original has it.",
    changes: "the whole denoiser; `weights` chooses others",
    cost: "sampling of those of three times `pictures` that a step looks at before the first step; a step is as many training steps as the imagined update has (5 to 30), \
           and about twelve more",
    broken_by: "fine-tuning on unrelated pictures (our own study of methods, on a miniature: its style, not its objects); 2 to 7 in 100 after benign fine-tuning (arXiv 2507.16302, its own measure, nudity)",
    source: "Towards Resilient Safety-driven Unlearning for Diffusion Models against Downstream Fine-tuning (arXiv 2507.16302); released code",
    differs: "weights in place of an adapter's move; the loss that grows is bounded (`truncate`); updates are imagined on `updates`, the \
              concept's neighbours where none are named; the retain weight does not grow over the run; see the part `resalign`",
    ..Card::BLANK
});

/// ResAlign with every choice made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResAlign {
    /// The imagined update, and how much of the loss counts behind it. The release's where it is absent; what a table leaves out is the
    /// part's own.
    pub behind: wrapper::ResAlign,
    /// The diffusion loss above which ascent saturates.
    pub truncate: f64,
    /// Weight of staying as the original is on what is retained.
    pub keep: f64,
    /// Texts with `{name}`; empty: the concept's own templates.
    pub templates: Vec<String>,
    /// What is retained; empty: the concept's neighbours and its superclass.
    pub retain: Vec<String>,
    /// What updates are imagined on; empty: what is retained.
    pub updates: Vec<String>,
    /// Pictures of the concept, and as many of what is retained, and of what updates show.
    pub pictures: usize,
    /// DPM-Solver++ steps of the sampling that makes them.
    pub sampling_steps: u32,
    /// Its guidance scale.
    pub guidance: f64,
    /// Which weights move.
    pub weights: Vec<String>,
    /// Learning rate of AdamW.
    pub learning_rate: f64,
    /// Largest norm of the gradient.
    pub clip: f64,
    /// Training steps.
    pub steps: u64,
    /// Rows of a step, of either kind.
    pub batch: usize,
}

impl Default for ResAlign {
    fn default() -> Self {
        Self {
            behind: wrapper::ResAlign {
                kinds: vec![wrapper::Update::Descent, wrapper::Update::Adam],
                ..wrapper::ResAlign::default()
            },
            truncate: 1.1,
            keep: 1.6,
            templates: Vec::new(),
            retain: Vec::new(),
            updates: Vec::new(),
            pictures: 100,
            sampling_steps: 20,
            guidance: 7.5,
            weights: vec!["unet".to_owned()],
            learning_rate: 1e-5,
            clip: 0.2,
            steps: 160,
            batch: 4,
        }
    }
}

impl Method for ResAlign {
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>> {
        let (mut own, mut near, mut later) = (Vec::new(), Vec::new(), Vec::new());
        for concept in concepts {
            let retain = shown::kept(concepts, concept, &self.retain)?;
            let updates = if self.updates.is_empty() { &retain } else { &self.updates };
            own.extend(shown::prompts(concept, &self.templates));
            near.extend(shown::prompts_of(&retain, concept, &self.templates));
            later.extend(shown::prompts_of(updates, concept, &self.templates));
        }
        let (steps, guidance) = (self.sampling_steps, self.guidance);
        let drawing = Drawing { pictures: self.pictures, steps, guidance, batch: self.batch };
        let (learning_rate, clip) = (self.learning_rate, self.clip);
        let train = Train {
            source: Box::new(drawing.of(own)),
            retain_source: Some(Box::new(drawing.of(near))),
            forget: vec![Weighted::one(Ascent { truncate: self.truncate })],
            retain: vec![Weighted { objective: Box::new(Distill::default()), weight: self.keep }],
            relearn: Some(Relearn {
                source: Box::new(drawing.of(later)),
                losses: vec![Weighted::one(NoiseMse {})],
            }),
            wrappers: vec![Box::new(self.behind.clone())],
            mask: Box::new(Select { include: self.weights.clone(), exclude: Vec::new() }),
            optimiser: Optimiser { learning_rate, clip, ..Optimiser::default() },
            steps: self.steps,
            ..Train::named("realign")
        };
        Ok(vec![Stage::Train(Box::new(train))])
    }
}
