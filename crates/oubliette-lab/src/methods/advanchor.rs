//! AdvAnchor: the concept becomes its own adversarial anchor, while the blank prompt is held in place.

use oubliette_evidence::Concept;
use serde::{Deserialize, Serialize};

use super::{
    Method, Stage,
    shown::{self, Drawing},
};
use crate::{
    Card, Entry, Result,
    parts::{
        anchor::{Adversarial, Schedule, Similarity},
        mask::Select,
        objective::{AnchorMatch, Distill, Teacher, Under},
    },
    training::{Optimiser, Train, Weighted},
};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<AdvAnchor>(Card {
    name: "advanchor",
    what: "Learns a shift of the concept's tokens that takes away what guidance towards the concept adds, and teaches the concept's prompt \
           to mean the shifted one; under the blank prompt the model stays as it was.",
    changes: "cross-attention; `weights` chooses others",
    cost: "sampling of `pictures` before the first step; a step is `updates` passes for the anchor, two training steps and two forwards",
    broken_by: "fine-tuning on unrelated pictures (our own study of methods, on a miniature)",
    source: "AdvAnchor (arXiv 2501.00054), losses L_adv1 and L_adv2 and the three schedules; released code",
    differs: "gradients are zeroed before every step, where the released loop lets them pile up (`piled = true`); the concept's own prompts stand for \
              \"{name}'s painting\"; the sum over weighted attribute prompts that the \
              release can add for nudity is left out; see the part `adversarial`",
    ..Card::BLANK
});

/// AdvAnchor with every choice made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdvAnchor {
    /// What the anchor is made unlike.
    pub similarity: Similarity,
    /// When it learns.
    pub schedule: Schedule,
    /// Steps of the anchor alone, for the schedules that have such.
    pub period: u64,
    /// Updates of the anchor in a step that learns.
    pub updates: u32,
    /// Size of an update.
    pub anchor_rate: f64,
    /// What is left when the concept is taken away.
    pub blank: Under,
    /// Weight of staying as it was under the blank prompt.
    pub hold: f64,
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
    /// Whether gradients pile up from step to step, as in the released loop.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub piled: bool,
}

impl Default for AdvAnchor {
    fn default() -> Self {
        let anchor = Adversarial::default();
        Self {
            similarity: anchor.similarity,
            schedule: anchor.schedule,
            period: anchor.period,
            updates: anchor.updates,
            anchor_rate: anchor.learning_rate,
            blank: anchor.blank,
            hold: 10.0,
            templates: Vec::new(),
            pictures: 50,
            sampling_steps: 20,
            guidance: 7.5,
            weights: vec!["attn2".to_owned()],
            learning_rate: 1e-5,
            steps: 50,
            batch: 1,
            piled: false,
        }
    }
}

impl Method for AdvAnchor {
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>> {
        let named = concepts.iter().flat_map(|concept| shown::prompts(concept, &self.templates));
        let (steps, guidance) = (self.sampling_steps, self.guidance);
        let drawing = Drawing { pictures: self.pictures, steps, guidance, batch: self.batch };
        let hold = Distill { under: Some(self.blank) };
        let train = Train {
            source: Box::new(drawing.of(named.collect())),
            anchor: Box::new(self.anchor()),
            forget: vec![Weighted::one(AnchorMatch { teacher: Teacher::Original })],
            retain: vec![Weighted { objective: Box::new(hold), weight: self.hold }],
            mask: Box::new(Select { include: self.weights.clone(), exclude: Vec::new() }),
            optimiser: Optimiser {
                learning_rate: self.learning_rate,
                piled: self.piled,
                ..Optimiser::default()
            },
            steps: self.steps,
            ..Train::named("anchor")
        };
        Ok(vec![Stage::Train(Box::new(train))])
    }
}

impl AdvAnchor {
    fn anchor(&self) -> Adversarial {
        let mut anchor = Adversarial::default();
        (anchor.similarity, anchor.blank) = (self.similarity, self.blank);
        (anchor.schedule, anchor.period) = (self.schedule, self.period);
        (anchor.updates, anchor.learning_rate) = (self.updates, self.anchor_rate);
        anchor
    }
}
