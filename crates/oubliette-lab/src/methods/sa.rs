//! Selective Amnesia: the concept's prompts are taught other pictures, and what the rest depends on may hardly move.

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
        objective::{Elastic, NoiseMse},
    },
    training::{Optimiser, Train, Weighted},
};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<Sa>(Card {
    name: "sa",
    what: "Trains the concept's prompts on pictures of a surrogate, replays pictures of what must stay, and holds every weight by how much \
           the diffusion loss on those depends on it.",
    changes: "the whole denoiser; `weights` chooses others",
    cost: "sampling of those of twice `pictures` that a step looks at and `survey` batches, row by row, before the first step; a step is two training steps; very many steps",
    broken_by: "fine-tuning on unrelated pictures (our own study of methods, on a miniature); adversarial prompts; 292 parts detected on the nudity prompts where others leave 47 (arXiv 2504.09039)",
    source: "Selective Amnesia (arXiv 2305.10120), elastic weights with generative replay; released code",
    differs: "replayed pictures are of the concept's neighbours and superclass, where the release samples captions of many kinds",
    ..Card::BLANK
});

/// Selective Amnesia with every choice made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sa {
    /// What the concept's prompts are shown; absent: the superclass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surrogate: Option<String>,
    /// Weight of the replay (gamma).
    pub replay: f64,
    /// Weight of the elastic penalty (lambda).
    pub lambda: f64,
    /// Batches that the Fisher information is estimated from.
    pub survey: u64,
    /// The whole of the penalty's square in place of half of it, as the released code has it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    /// Texts with `{name}`; empty: the concept's own templates.
    pub templates: Vec<String>,
    /// What must stay; empty: the concept's neighbours and its superclass.
    pub retain: Vec<String>,
    /// Pictures of the surrogate, and as many of what must stay.
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

impl Default for Sa {
    fn default() -> Self {
        Self {
            surrogate: None,
            replay: 1.0,
            lambda: 50.0,
            survey: 250,
            whole: false,
            templates: Vec::new(),
            retain: Vec::new(),
            pictures: 1000,
            sampling_steps: 20,
            guidance: 7.5,
            weights: vec!["unet".to_owned()],
            learning_rate: 1e-5,
            // Two hundred epochs over 1000 pictures.
            steps: 50_000,
            batch: 4,
        }
    }
}

impl Method for Sa {
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>> {
        let (mut own, mut drawn, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        let surrogate = shown::instead(concepts, "surrogate", self.surrogate.as_ref())?;
        for concept in concepts {
            let prompts = shown::prompts(concept, &self.templates);
            drawn.extend(surrogate.texts(std::slice::from_ref(concept), &prompts)?);
            own.extend(prompts);
            let names = shown::kept(concepts, concept, &self.retain)?;
            kept.extend(shown::prompts_of(&names, concept, &self.templates));
        }
        let (steps, guidance) = (self.sampling_steps, self.guidance);
        let drawing = Drawing { pictures: self.pictures, steps, guidance, batch: self.batch };
        let mut source = drawing.of(drawn);
        source.under = own;
        let mut elastic = Elastic::default();
        (elastic.survey, elastic.whole) = (self.survey, self.whole);
        let train = Train {
            source: Box::new(source),
            retain_source: Some(Box::new(drawing.of(kept))),
            forget: vec![Weighted::one(NoiseMse {})],
            retain: vec![
                Weighted { objective: Box::new(NoiseMse {}), weight: self.replay },
                Weighted { objective: Box::new(elastic), weight: self.lambda },
            ],
            mask: Box::new(Select { include: self.weights.clone(), exclude: Vec::new() }),
            optimiser: Optimiser { learning_rate: self.learning_rate, ..Optimiser::default() },
            steps: self.steps,
            ..Train::named("surrogate")
        };
        Ok(vec![Stage::Train(Box::new(train))])
    }
}
