//! SalUn: the weights that the concept's pictures ask to move learn to draw something else under its name.

use oubliette_evidence::Concept;
use serde::{Deserialize, Serialize};

use super::{
    Method, Stage,
    shown::{self, Drawing},
};
use crate::{
    Card, Entry, Result,
    parts::{mask::Saliency, objective::NoiseMse},
    training::{Optimiser, Train, Weighted},
};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<Salun>(Card {
    name: "salun",
    what: "Finds the weights with the largest gradients on the concept's pictures, then trains these alone: under the concept's prompt, \
           predict what is predicted for another class; the rest is held by the diffusion loss on what must stay.",
    changes: "`share` of the denoiser's weights; `weights` chooses others",
    cost: "sampling of those of twice `pictures` that a step looks at and `survey` training steps before the first step; a step is two training steps and one forward",
    broken_by: "fine-tuning on unrelated pictures (our own study of methods, on a miniature); adversarial prompts (11 in 100 for nudity, arXiv 2405.15234); image-text alignment suffers (arXiv 2412.07808)",
    source: "SalUn: Empowering Machine Unlearning via Gradient-based Weight Saliency (arXiv 2310.12508), the saliency map and its random labels; released code",
    differs: "the other class is the concept's first neighbour where the release takes the next class of its list; gradients are \
              not clipped, where the release clips them before the mask (`clip = 1.0`)",
    ..Card::BLANK
});

/// SalUn with every choice made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Salun {
    /// What the concept's prompts are taught to mean; absent: the concept's first neighbour, or its superclass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The share of the weights that may move.
    pub share: f64,
    /// Batches that the saliency map is made from.
    pub survey: u64,
    /// Guidance of the loss that it is made from.
    pub saliency_guidance: f64,
    /// Weight of the retain part (alpha of the released code).
    pub alpha: f64,
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
    /// Which weights are ranked.
    pub weights: Vec<String>,
    /// Learning rate of Adam.
    pub learning_rate: f64,
    /// Training steps.
    pub steps: u64,
    /// Rows of a step, on either side.
    pub batch: usize,
    /// Largest norm of all gradients together, before the mask, as the release clips them; 0: not clipped.
    #[serde(skip_serializing_if = "is_nothing")]
    pub clip: f64,
}

fn is_nothing(clip: &f64) -> bool {
    *clip == 0.0
}

impl Default for Salun {
    fn default() -> Self {
        Self {
            label: None,
            share: 0.5,
            survey: 100,
            saliency_guidance: 7.5,
            alpha: 0.5,
            templates: Vec::new(),
            retain: Vec::new(),
            pictures: 800,
            sampling_steps: 20,
            guidance: 7.5,
            weights: vec!["unet".to_owned()],
            learning_rate: 1e-5,
            // Five epochs over 800 pictures.
            steps: 500,
            batch: 8,
            clip: 0.0,
        }
    }
}

impl Method for Salun {
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>> {
        let (steps, guidance) = (self.sampling_steps, self.guidance);
        let drawing = Drawing { pictures: self.pictures, steps, guidance, batch: self.batch };
        let shown = shown::Relabelled {
            label: self.label.as_deref(),
            templates: &self.templates,
            retain: &self.retain,
        };
        let train = Train {
            retain: vec![Weighted { objective: Box::new(NoiseMse {}), weight: self.alpha }],
            mask: Box::new(self.mask()),
            optimiser: Optimiser {
                learning_rate: self.learning_rate,
                clip: self.clip,
                clip_whole: true,
                ..Optimiser::default()
            },
            steps: self.steps,
            ..shown.train(concepts, &drawing)?
        };
        Ok(vec![Stage::Train(Box::new(train))])
    }
}

impl Salun {
    fn mask(&self) -> Saliency {
        let mut mask = Saliency::default();
        mask.include.clone_from(&self.weights);
        (mask.share, mask.survey) = (self.share, self.survey);
        mask.guidance = self.saliency_guidance;
        mask
    }
}
