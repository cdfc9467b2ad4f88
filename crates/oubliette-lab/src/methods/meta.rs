//! Meta-unlearning: ESD, made so that a step of relearning would gain little and break what is near.

use oubliette_evidence::Concept;
use serde::{Deserialize, Serialize};

use super::{
    Method, Stage,
    shown::{self, Drawing},
};
use crate::{
    Card, Entry, Result,
    parts::{
        anchor::Nothing,
        mask::Select,
        objective::{GuidanceReversal, NoiseMse},
        source::Trajectory,
        wrapper,
    },
    training::{Optimiser, Relearn, Train, Weighted},
};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<Meta>(Card {
    name: "meta",
    what: "Erases as ESD does, and in every step imagines somebody who fine-tunes on the concept: their step should gain little, and should \
           harm what stands near the concept.",
    changes: "the whole denoiser; `weights` chooses others",
    cost: "sampling of those of twice `pictures` that a step looks at before the first step; a step is ESD's, and five training steps beside it",
    broken_by: "fine-tuning on unrelated pictures (our own study of methods, on a miniature); fine-tuning on harmful pictures for longer (13 in 100 for nudity after 100 steps, arXiv 2410.12777)",
    source: "Meta-Unlearning on Diffusion Models (arXiv 2410.12777), L_meta; first order as in the released code",
    differs: "the concept's neighbours and superclass stand for both retain sets of the release, with the weights of each; the step is \
              imagined on one batch; `meta = { update = \"descent\", rate = ..., harm = 1.0 }` is the paper's; see the part `meta`",
    ..Card::BLANK
});

/// Meta-unlearning with every choice made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Meta {
    /// Strength of ESD's reversed guidance.
    pub eta: f64,
    /// Weight of the diffusion loss on what is retained.
    pub keep: f64,
    /// The imagined step: how it moves, what it should gain and harm. The release's where it is absent; what a table leaves out is the
    /// part's own.
    pub meta: wrapper::Meta,
    /// Texts with `{name}`; empty: the concept's own templates.
    pub templates: Vec<String>,
    /// What stands near the concept; empty: its neighbours and its superclass.
    pub retain: Vec<String>,
    /// Pictures of the concept, and as many of what stands near.
    pub pictures: usize,
    /// DPM-Solver++ steps of the sampling that makes them, and DDIM steps of ESD's.
    pub sampling_steps: u32,
    /// Guidance scale of the pictures' sampling.
    pub guidance: f64,
    /// Training pairs taken from one of ESD's samplings: 1 as in its paper, more to save time.
    pub pairs: u32,
    /// Which weights move.
    pub weights: Vec<String>,
    /// Learning rate of AdamW.
    pub learning_rate: f64,
    /// Training steps.
    pub steps: u64,
    /// Rows of a step.
    pub batch: usize,
}

impl Default for Meta {
    fn default() -> Self {
        Self {
            eta: 3.0,
            keep: 0.1,
            meta: wrapper::Meta {
                update: wrapper::Update::Adam,
                rate: 1e-5,
                gain: 0.1,
                harm: 1.0,
                before: 0.1,
            },
            templates: Vec::new(),
            retain: Vec::new(),
            pictures: 100,
            sampling_steps: 50,
            guidance: 7.5,
            pairs: 1,
            weights: vec!["unet".to_owned()],
            learning_rate: 1e-5,
            steps: 1500,
            batch: 1,
        }
    }
}

impl Method for Meta {
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>> {
        let (mut own, mut near) = (Vec::new(), Vec::new());
        for concept in concepts {
            own.extend(shown::prompts(concept, &self.templates));
            let kept = shown::kept(concepts, concept, &self.retain)?;
            near.extend(shown::prompts_of(&kept, concept, &self.templates));
        }
        let (steps, guidance) = (self.sampling_steps, self.guidance);
        let drawing = Drawing { pictures: self.pictures, steps, guidance, batch: self.batch };
        let reversal = GuidanceReversal { eta: self.eta, ..GuidanceReversal::default() };
        let (batch, pairs) = (self.batch, self.pairs);
        let train = Train {
            source: Box::new(Trajectory { steps, batch, pairs, ..Trajectory::default() }),
            retain_source: Some(Box::new(drawing.of(near))),
            anchor: Box::new(Nothing {}),
            forget: vec![Weighted::one(reversal)],
            retain: vec![Weighted { objective: Box::new(NoiseMse {}), weight: self.keep }],
            relearn: Some(Relearn {
                source: Box::new(drawing.of(own)),
                losses: vec![Weighted::one(NoiseMse {})],
            }),
            wrappers: vec![Box::new(self.meta.clone())],
            mask: Box::new(Select { include: self.weights.clone(), exclude: Vec::new() }),
            optimiser: Optimiser { learning_rate: self.learning_rate, ..Optimiser::default() },
            steps: self.steps,
            ..Train::named("imagine")
        };
        Ok(vec![Stage::Train(Box::new(train))])
    }
}
