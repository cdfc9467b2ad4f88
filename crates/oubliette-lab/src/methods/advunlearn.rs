//! AdvUnlearn: adversarial training of the text encoder, so that no word in front of the prompt brings the concept back.

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
        objective::{Disguised, Distill, GuidanceReversal},
        source::Trajectory,
    },
    training::{Optimiser, Train, Weighted},
};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<AdvUnlearn>(Card {
    name: "advunlearn",
    what: "Trains the text encoder as ESD trains the denoiser, each time behind the word that would best bring the concept back; other \
           prompts are held to what the original predicts.",
    changes: "the text encoder; `weights` chooses others",
    cost: "sampling of `pictures` before the first step; a step is ESD's and `updates` passes for the word",
    broken_by: "the own prompts of a style, and fine-tuning on unrelated pictures (our own study of methods, on a miniature); inversion of the concept from pictures (39 in 100 for nudity, arXiv 2405.15234)",
    source: "Defensive Unlearning with Adversarial Training (arXiv 2405.15234), the bilevel objective with the text encoder as what is trained; released code",
    differs: "retain prompts name the concept's neighbours and superclass, where the release takes 243 of ImageNet and COCO; see the part \
              `disguised`",
    ..Card::BLANK
});

/// AdvUnlearn with every choice made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdvUnlearn {
    /// Strength of ESD's reversed guidance.
    pub eta: f64,
    /// Weight of the retain part (gamma): 0.3 for nudity, 0.5 for styles and objects.
    pub gamma: f64,
    /// Updates of the word before a step; 1 is the fast variant.
    pub updates: u32,
    /// Size of an update.
    pub word_rate: f64,
    /// Steps at the beginning that are taken without a word.
    pub warm_up: u64,
    /// Whether the word's gradients pile up from update to update, as in the released attack.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub piled: bool,
    /// Texts with `{name}`; empty: the concept's own templates.
    pub templates: Vec<String>,
    /// What must stay; empty: the concept's neighbours and its superclass.
    pub retain: Vec<String>,
    /// Pictures of what must stay.
    pub pictures: usize,
    /// Rows of a step on the retain side.
    pub retain_batch: usize,
    /// Steps of all samplings: DPM-Solver++ for pictures, DDIM for ESD's.
    pub sampling_steps: u32,
    /// Guidance scale of the retain pictures' sampling.
    pub guidance: f64,
    /// Training pairs taken from one of ESD's samplings: 1 as in its paper, more to save time.
    pub pairs: u32,
    /// Which weights move.
    pub weights: Vec<String>,
    /// Learning rate of Adam.
    pub learning_rate: f64,
    /// Training steps.
    pub steps: u64,
    /// Rows of a step on the forget side.
    pub batch: usize,
}

impl Default for AdvUnlearn {
    fn default() -> Self {
        let word = Disguised::default();
        Self {
            eta: 1.0,
            gamma: 0.5,
            updates: word.updates,
            word_rate: word.rate,
            warm_up: word.warm_up,
            piled: word.piled,
            templates: Vec::new(),
            retain: Vec::new(),
            pictures: 243,
            retain_batch: 5,
            sampling_steps: 50,
            guidance: 7.5,
            pairs: 1,
            weights: vec!["text_encoder".to_owned()],
            learning_rate: 1e-5,
            steps: 1000,
            batch: 1,
        }
    }
}

impl Method for AdvUnlearn {
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>> {
        let (mut own, mut kept) = (Vec::new(), Vec::new());
        for concept in concepts {
            own.extend(shown::prompts(concept, &self.templates));
            let names = shown::kept(concepts, concept, &self.retain)?;
            kept.extend(shown::prompts_of(&names, concept, &self.templates));
        }
        let (steps, guidance) = (self.sampling_steps, self.guidance);
        let (batch, pairs) = (self.batch, self.pairs);
        let drawing =
            Drawing { pictures: self.pictures, steps, guidance, batch: self.retain_batch };
        let train = Train {
            source: Box::new(Trajectory {
                prompts: own,
                steps,
                batch,
                pairs,
                ..Default::default()
            }),
            retain_source: Some(Box::new(drawing.of(kept))),
            anchor: Box::new(Nothing {}),
            forget: vec![Weighted::one(self.disguised())],
            retain: vec![Weighted { objective: Box::new(Distill::default()), weight: self.gamma }],
            mask: Box::new(Select { include: self.weights.clone(), exclude: Vec::new() }),
            optimiser: Optimiser { learning_rate: self.learning_rate, ..Optimiser::default() },
            steps: self.steps,
            ..Train::named("harden")
        };
        Ok(vec![Stage::Train(Box::new(train))])
    }
}

impl AdvUnlearn {
    fn disguised(&self) -> Disguised {
        let mut disguised = Disguised::default();
        disguised.reversal = GuidanceReversal { eta: self.eta, ..GuidanceReversal::default() };
        (disguised.updates, disguised.rate) = (self.updates, self.word_rate);
        (disguised.warm_up, disguised.piled) = (self.warm_up, self.piled);
        disguised
    }
}
