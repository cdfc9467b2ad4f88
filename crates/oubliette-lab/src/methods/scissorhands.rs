//! Scissorhands: the weights through which the concept flows most are drawn anew, and what is left is repaired without it.

use oubliette_evidence::Concept;
use serde::{Deserialize, Serialize};

use super::{
    Method, Stage,
    shown::{self, Drawing},
};
use crate::{
    Card, Entry, Result,
    parts::{combiner::Gem, mask::Trim, objective::NoiseMse},
    training::{Optimiser, Relearn, Train, Weighted},
};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<Scissorhands>(Card {
    name: "scissorhands",
    what: "Draws anew the weights with the largest product of weight and summed gradient on the concept's pictures, then trains: the \
           diffusion loss holds what must stay, the concept's prompts predict what is predicted for another class, and now and then the \
           step is turned so that it does not relearn the concept.",
    changes: "the whole denoiser; `weights` chooses others, `reset` what can be drawn anew",
    cost: "sampling of those of three times `pictures` that a step looks at and `survey` training steps before the first step; a step is two training steps and one forward, \
           every `every` steps one more",
    broken_by: "quality suffers (FID 128 after forgetting nudity, arXiv 2405.15234); fine-tuning on unrelated pictures (our own study of methods, on a miniature)",
    source: "Scissorhands: Scrub Data Influence via Connection Sensitivity in Networks (arXiv 2401.06187), its two stages; released code",
    differs: "the step is turned over all weights that train, not those of cross-attention alone (`turned = [\"attn2\"]`); the other class is the concept's first neighbour; cross-attention is what is drawn anew, where the released code names other \
              parts in other versions, and leaves the projection out in the latest",
    ..Card::BLANK
});

/// Scissorhands with every choice made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scissorhands {
    /// What the concept's prompts are taught to mean; absent: the concept's first neighbour, or its superclass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The share of the weights that counts as most sensitive (1 less the sparsity of the paper).
    pub share: f64,
    /// Batches that sensitivity is made from.
    pub survey: u64,
    /// Standard deviation of the weights that are drawn anew.
    pub deviation: f64,
    /// Those that can be.
    pub reset: Vec<String>,
    /// Weight of the forget part (lambda of the released code).
    pub lambda: f64,
    /// The least multiple of the relearning gradient that a turned step is given.
    pub margin: f64,
    /// Steps from one turn to the next.
    pub every: u64,
    /// Patterns of the weights that a turn looks at; empty: all that train. The released code takes `attn2`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub turned: Vec<String>,
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
    /// Which weights are ranked and train.
    pub weights: Vec<String>,
    /// Learning rate of Adam.
    pub learning_rate: f64,
    /// Training steps.
    pub steps: u64,
    /// Rows of a step, on either side.
    pub batch: usize,
}

impl Default for Scissorhands {
    fn default() -> Self {
        Self {
            label: None,
            share: 0.005,
            survey: 10,
            deviation: 0.02,
            reset: vec!["attn2".to_owned()],
            lambda: 0.1,
            margin: 0.5,
            every: 10,
            turned: Vec::new(),
            templates: Vec::new(),
            retain: Vec::new(),
            pictures: 800,
            sampling_steps: 20,
            guidance: 7.5,
            weights: vec!["unet".to_owned()],
            learning_rate: 1e-5,
            // Five epochs over 800 pictures.
            steps: 250,
            batch: 16,
        }
    }
}

impl Method for Scissorhands {
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>> {
        let (steps, guidance) = (self.sampling_steps, self.guidance);
        let drawing = Drawing { pictures: self.pictures, steps, guidance, batch: self.batch };
        let shown = shown::Relabelled {
            label: self.label.as_deref(),
            templates: &self.templates,
            retain: &self.retain,
        };
        let mut train = shown.train(concepts, &drawing)?;
        train.forget.iter_mut().for_each(|loss| loss.weight = self.lambda);
        let own = concepts.iter().flat_map(|concept| shown::prompts(concept, &self.templates));
        let train = Train {
            name: "repair".to_owned(),
            relearn: Some(Relearn {
                source: Box::new(drawing.of(own.collect())),
                losses: vec![Weighted::one(NoiseMse {})],
            }),
            combiner: Box::new(Gem {
                margin: self.margin,
                every: self.every,
                only: self.turned.clone(),
            }),
            mask: Box::new(self.mask()),
            optimiser: Optimiser { learning_rate: self.learning_rate, ..Optimiser::default() },
            steps: self.steps,
            ..train
        };
        Ok(vec![Stage::Train(Box::new(train))])
    }
}

impl Scissorhands {
    fn mask(&self) -> Trim {
        let mut mask = Trim::default();
        (mask.include, mask.reset) = (self.weights.clone(), self.reset.clone());
        (mask.share, mask.survey, mask.deviation) = (self.share, self.survey, self.deviation);
        mask
    }
}
