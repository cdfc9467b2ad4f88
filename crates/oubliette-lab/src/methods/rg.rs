//! Restricted gradient with a diversified retain set: ascend on the concept, descend on the same scenes without it, and let neither
//! work against the other.

mod scenes;

use oubliette_evidence::Concept;
use serde::{Deserialize, Serialize};

use super::{
    Method, Stage,
    shown::{self, Drawing},
};
use crate::{
    Card, Entry, Result,
    parts::{
        combiner::Restricted,
        mask::Select,
        objective::{Ascent, NoiseMse},
        source::{Prompts, Solver},
    },
    training::{Optimiser, Train, Weighted},
};
pub use scenes::Words;

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<Rg>(Card {
    name: "rg",
    what: "Ascends the diffusion loss on pictures of the concept and descends it on the same scenes with other things in its place; \
           where the two gradients conflict each gives up what works against the other.",
    changes: "the whole denoiser; `weights` chooses others",
    cost: "sampling of those of twice `pictures` that a step looks at, before the first step; a step is two training steps",
    broken_by: "fine-tuning on unrelated pictures (our own study of methods, on a miniature: its style, not its objects)",
    source: "Boosting Alignment for Post-Unlearning Text-to-Image Generative Models (arXiv 2412.07808), theorem 4 and section 4; released code",
    differs: "pictures are drawn by another solver and never decoded, unless `solver` and `encoded` ask for what the release does; \
              scenes come from lists of activities, places, times and moods (`words`, or a file of them as `words.file`; \
              `oubliette words` asks a language model for one, as the paper does); half of every list is never trained on and left for tests, and \
              `oubliette words --test` prints scenes of that half for an audit",
    places: &["mood", "activity", "place", "time"],
    ..Card::BLANK
});

/// The restricted gradient with every choice made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rg {
    /// Weight of the retain part (alpha of the released code).
    pub alpha: f64,
    /// The loss above which ascent saturates (M of the released code).
    pub truncate: f64,
    /// Solve conflicts weight by weight.
    pub per_layer: bool,
    /// What stands in the concept's place in the retain scenes; empty: its neighbours and its superclass.
    pub retain: Vec<String>,
    /// Show bare names, and no scenes around them.
    pub uniform: bool,
    /// What the scenes are made of; in a recipe, `file` names a file that holds this table.
    pub words: Words,
    /// Pictures of the concept, and as many without it.
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
    /// Rows of a step, on either side.
    pub batch: usize,
}

impl Default for Rg {
    fn default() -> Self {
        Self {
            alpha: 1.6,
            truncate: 1.1,
            per_layer: false,
            retain: Vec::new(),
            uniform: false,
            words: Words::default(),
            pictures: 800,
            sampling_steps: 20,
            solver: Solver::default(),
            encoded: false,
            guidance: 7.5,
            weights: vec!["unet".to_owned()],
            learning_rate: 1e-5,
            // One epoch over 800 pairs.
            steps: 100,
            batch: 8,
        }
    }
}

impl Method for Rg {
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>> {
        if !self.uniform {
            self.words.check(concepts)?;
        }
        let (mut forget, mut retain) = (Vec::new(), Vec::new());
        let count = self.pictures.div_ceil(concepts.len().max(1));
        for concept in concepts {
            forget.extend(self.scenes(&concept.names, count)?);
            retain.extend(self.scenes(&shown::kept(concepts, concept, &self.retain)?, count)?);
        }
        let train = Train {
            source: Box::new(self.source(forget)),
            retain_source: Some(Box::new(self.source(retain))),
            forget: vec![Weighted::one(Ascent { truncate: self.truncate })],
            retain: vec![Weighted::one(NoiseMse {})],
            combiner: Box::new(Restricted { alpha: self.alpha, per_layer: self.per_layer }),
            mask: Box::new(Select { include: self.weights.clone(), exclude: Vec::new() }),
            optimiser: Optimiser { learning_rate: self.learning_rate, ..Optimiser::default() },
            steps: self.steps,
            ..Train::named("restrict")
        };
        Ok(vec![Stage::Train(Box::new(train))])
    }

    fn held_back_scenes(&self, count: usize) -> Result<Vec<String>> {
        match self.uniform {
            true => Ok(Vec::new()),
            false => self.words.held_back_scenes(count),
        }
    }
}

impl Rg {
    fn scenes(&self, names: &[String], count: usize) -> Result<Vec<String>> {
        match self.uniform {
            true => Ok(scenes::bare(names, count)),
            false => self.words.scenes(names, count),
        }
    }

    /// Every scene once.
    fn source(&self, scenes: Vec<String>) -> Prompts {
        let (steps, guidance) = (self.sampling_steps, self.guidance);
        let drawing = Drawing { pictures: scenes.len(), steps, guidance, batch: self.batch };
        let mut source = drawing.of(scenes);
        (source.solver, source.encoded) = (self.solver, self.encoded);
        source
    }
}
