//! Concept ablation: on pictures of the anchor, the concept's prompt is taught to mean the anchor.

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
        objective::{AnchorMatch, NoiseMse, Teacher},
        source::Solver,
    },
    training::{Optimiser, Train, Weighted},
};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<Ca>(Card {
    name: "ca",
    what: "Trains the denoiser so that the concept's prompts predict what the anchor's prompts predict, on pictures of the anchor.",
    changes: "keys and values of cross-attention; `weights` chooses others",
    cost: "sampling of those of `pictures` that a step looks at, before the first step; a step is one training step and one forward",
    broken_by: "the own prompts of a style, and fine-tuning on unrelated pictures (our own study of methods, on a miniature); prompts that were not trained on; embedding and prompt searches (arXiv 2308.01508)",
    source: "Ablating Concepts in Text-to-Image Diffusion Models (arXiv 2303.13516), equations 4 and 5; released code",
    differs: "prompts come from the concept's templates, where the release asks a language model for 200; pictures are \
              drawn by another solver and never decoded, unless `solver` and `encoded` ask for that; they are not augmented, so there is no mask of valid pixels",
    ..Card::BLANK
});

/// What the concept's prediction is moved to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// The student's own prediction under the anchor (equation 4).
    #[default]
    Model,
    /// The noise that was put on the anchor's pictures (equation 5).
    Noise,
}

/// Concept ablation with every choice made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ca {
    /// What the prediction is moved to.
    pub variant: Variant,
    /// What the concept becomes; absent: its superclass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anchor: Option<String>,
    /// Texts with `{name}`; empty: the concept's own templates.
    pub templates: Vec<String>,
    /// Pictures of the anchor that are trained on, at least one for every text.
    pub pictures: usize,
    /// Steps of the sampling that makes them.
    pub sampling_steps: u32,
    /// Which solver takes them.
    #[serde(skip_serializing_if = "Solver::is_default")]
    pub solver: Solver,
    /// Whether the pictures are decoded and encoded again, as the release keeps them in files.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub encoded: bool,
    /// Its guidance scale.
    pub guidance: f64,
    /// Which weights move.
    pub weights: Vec<String>,
    /// Learning rate of AdamW.
    pub learning_rate: f64,
    /// Training steps.
    pub steps: u64,
    /// Rows of a step.
    pub batch: usize,
}

impl Default for Ca {
    fn default() -> Self {
        Self {
            variant: Variant::Model,
            anchor: None,
            templates: Vec::new(),
            pictures: 200,
            sampling_steps: 20,
            solver: Solver::default(),
            encoded: false,
            guidance: 7.5,
            weights: vec!["attn2-kv".to_owned()],
            // 2e-6 for each of 4 × 2 rows: the release scales its rate with the batch.
            learning_rate: 1.6e-5,
            steps: 100,
            batch: 8,
        }
    }
}

impl Method for Ca {
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>> {
        let (mut named, mut drawn) = (Vec::new(), Vec::new());
        let replaced = shown::instead(concepts, "anchor", self.anchor.as_ref())?;
        for concept in concepts {
            let own = shown::prompts(concept, &self.templates);
            drawn.extend(replaced.texts(std::slice::from_ref(concept), &own)?);
            named.extend(own);
        }
        let (steps, guidance) = (self.sampling_steps, self.guidance);
        let drawing = Drawing { pictures: self.pictures, steps, guidance, batch: self.batch };
        let mut source = drawing.of(drawn);
        (source.under, source.solver, source.encoded) = (named, self.solver, self.encoded);
        let forget = match self.variant {
            Variant::Model => Weighted::one(AnchorMatch { teacher: Teacher::Student }),
            Variant::Noise => Weighted::one(NoiseMse {}),
        };
        let train = Train {
            source: Box::new(source),
            anchor: replaced,
            forget: vec![forget],
            mask: Box::new(Select { include: self.weights.clone(), exclude: Vec::new() }),
            optimiser: Optimiser { learning_rate: self.learning_rate, ..Optimiser::default() },
            steps: self.steps,
            ..Train::named("ablate")
        };
        Ok(vec![Stage::Train(Box::new(train))])
    }
}
