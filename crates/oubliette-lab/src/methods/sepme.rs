//! SepME: the concept's guidance is made to lead nowhere, by a change that no other concept's embedding can see.

use oubliette_evidence::Concept;
use serde::{Deserialize, Serialize};

use super::{
    Method, Stage,
    shown::{self, Drawing},
};
use crate::{
    Card, Entry, Result,
    editing::{Tokens, within},
    parts::{
        mask::NullSpace,
        objective::{Irrelevance, L1Sp},
    },
    training::{Optimiser, Train, Until, Weighted},
    wording,
};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<SepMe>(Card {
    name: "sepme",
    what: "Changes keys and values within the null space of the embeddings of everything else, so that the concept's guidance loses what \
           it had in common with the original's; stops as soon as it has.",
    changes: "to_k and to_v of every cross-attention",
    cost: "sampling of `pictures` and an eigendecomposition of the text encoder's width before the first step; a step is a training step \
           on twice the rows and a forward on as many",
    broken_by: "fine-tuning on unrelated pictures (our own study of methods, on a miniature)",
    source: "Separable Multi-Concept Erasure from Diffusion Models (arXiv 2402.05947), concept-irrelevant representations and weight \
             decoupling; released code",
    differs: "what is protected is `protect`, where the release takes all other concepts that are to be erased; the size of the change is a mean, not a \
              sum; Adam moves the matrices themselves, projected at every step, where the release moves coordinates within the null space at \
              `scale` times its rate; the concepts of one run share a null space, so that shifts which can be told apart and taken back \
              are made one concept a run; of a protected text the last token and all that follow are protected (`tokens = \"all\"`), where \
              the release stacks every row of the text encoder's output: the tokens before it, in a name of several, can see the change",
    ..Card::BLANK
});

/// SepME with every choice made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SepMe {
    /// Texts with `{name}`; empty: the concept's own templates.
    pub templates: Vec<String>,
    /// What cannot see the change, beside the empty text; empty: the concept's neighbours and its superclass.
    pub protect: Vec<String>,
    /// Texts with `{name}` in which it cannot see it either.
    pub phrases: Vec<String>,
    /// Which tokens of all these.
    pub tokens: Tokens,
    /// Weight of the mean size of the change.
    pub beta: f64,
    /// The running mean of the loss below which it is enough.
    pub below: f64,
    /// How much of that mean is kept from step to step.
    pub decay: f64,
    /// Training steps before it can be enough.
    pub after: u64,
    /// Pictures of the concept.
    pub pictures: usize,
    /// DPM-Solver++ steps of the sampling that makes them.
    pub sampling_steps: u32,
    /// Its guidance scale.
    pub guidance: f64,
    /// Learning rate of Adam.
    pub learning_rate: f64,
    /// Training steps at most.
    pub steps: u64,
    /// Rows of a step.
    pub batch: usize,
}

impl Default for SepMe {
    fn default() -> Self {
        Self {
            templates: Vec::new(),
            protect: Vec::new(),
            phrases: Vec::new(),
            tokens: Tokens::All,
            // 1e-6 times 600,000: the release sums over a matrix, and that is how large one of Stable Diffusion 1.4 is.
            beta: 0.6,
            below: 1e-4,
            decay: 0.9,
            after: 10,
            pictures: 200,
            sampling_steps: 20,
            guidance: 7.5,
            // 0.1 times the release's scale of 1e-4.
            learning_rate: 1e-5,
            steps: 1000,
            batch: 1,
        }
    }
}

impl Method for SepMe {
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>> {
        let (mut own, mut protect) = (Vec::new(), vec![String::new()]);
        for concept in concepts {
            own.extend(shown::prompts(concept, &self.templates));
            let kept = shown::kept(concepts, concept, &self.protect)?;
            protect.extend(kept.iter().flat_map(|text| within(&self.phrases, text)));
        }
        // What names a concept would hold fast what is to go.
        protect.retain(|text| !wording::names_any(concepts, text));
        let (steps, guidance) = (self.sampling_steps, self.guidance);
        let drawing = Drawing { pictures: self.pictures, steps, guidance, batch: self.batch };
        let train = Train {
            source: Box::new(drawing.of(own)),
            forget: vec![Weighted::one(Irrelevance {})],
            retain: vec![Weighted { objective: Box::new(L1Sp {}), weight: self.beta }],
            mask: Box::new(NullSpace::of(protect, self.tokens, true)),
            optimiser: Optimiser { learning_rate: self.learning_rate, ..Optimiser::default() },
            steps: self.steps,
            until: Some(Until { below: self.below, decay: self.decay, after: self.after }),
            ..Train::named("decouple")
        };
        Ok(vec![Stage::Train(Box::new(train))])
    }
}
