//! Sculpting Memory: a dynamic mask over cross-attention, the concept pulled to its superclass, the superclass held in place.

use oubliette_evidence::Concept;
use serde::{Deserialize, Serialize};

use super::{
    Method, Stage,
    shown::{self, Drawing},
};
use crate::{
    Card, Entry, Result,
    parts::{
        anchor::{Superclass, superclass_of},
        mask::{Dynamic, Momentum},
        objective::{AnchorMatch, Distill, NoiseMse},
    },
    training::{Optimiser, Rate, Train, Weighted},
};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<Sculpting>(Card {
    name: "sculpting",
    what: "Trains the part of cross-attention that a dynamic mask leaves free: the concept's prompts predict what the superclass's prompts \
           predict, and on pictures of the superclass the model stays where it was before this concept.",
    changes: "`share` of the projections of cross-attention, and their biases",
    cost: "sampling of those of twice `pictures` that a step looks at and `warm_up` steps before the first step; a step is two training steps and two forwards",
    broken_by: "the own prompts of a style, and fine-tuning on unrelated pictures (our own study of methods, on a miniature)",
    source: "Sculpting Memory (arXiv 2504.09039), dynamic mask and concept-aware loss; released code",
    differs: "distillation is active (`distil = 0` as in the released script, which overwrites it); a weight that is masked loses its \
              momentum (`momentum = \"kept\"` as in the release); the last weights are kept, not those with the lowest loss; the two \
              halves of a step have timesteps of their own; the first moment's decay does not cycle with the rate",
    ..Card::BLANK
});

/// Sculpting Memory with every choice made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sculpting {
    /// Weight of the diffusion loss on pictures of the superclass.
    pub align: f64,
    /// Weight of staying where the model was before this concept; 0: the released script.
    pub distil: f64,
    /// The share of every projection that may move.
    pub share: f64,
    /// Steps that only look, before training.
    pub warm_up: u64,
    /// Steps between two exchanges of the mask.
    pub interval: u64,
    /// The share of the movable elements that is exchanged at first.
    pub turnover: f64,
    /// What becomes of the momentum of a weight that may no longer move.
    pub momentum: Momentum,
    /// Texts with `{name}`; empty: the concept's own templates.
    pub templates: Vec<String>,
    /// Pictures of the concept, and as many of its superclass.
    pub pictures: usize,
    /// DPM-Solver++ steps of the sampling that makes them.
    pub sampling_steps: u32,
    /// Its guidance scale.
    pub guidance: f64,
    /// Peak learning rate of Adam; it rises and falls once.
    pub learning_rate: f64,
    /// Training steps after the warm-up.
    pub steps: u64,
    /// Rows of a step, on either side.
    pub batch: usize,
}

impl Default for Sculpting {
    fn default() -> Self {
        let mask = Dynamic::default();
        Self {
            align: 0.25,
            distil: 0.25,
            share: mask.share,
            warm_up: mask.warm_up,
            interval: mask.interval,
            turnover: mask.turnover,
            momentum: mask.momentum,
            templates: vec!["a photo of a {name}".to_owned()],
            pictures: 100,
            sampling_steps: 20,
            guidance: 7.5,
            learning_rate: 3e-6,
            // Ten epochs over 100 pictures, less the warm-up.
            steps: 450,
            batch: 2,
        }
    }
}

impl Method for Sculpting {
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>> {
        let (mut own, mut above, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for concept in concepts {
            let superclass = superclass_of(concept)?;
            own.extend(shown::prompts(concept, &self.templates));
            above.extend(shown::prompts_of(&[superclass.to_owned()], concept, &self.templates));
            names.extend(concept.names.clone());
        }
        let mut pictured = self.drawing().of(above);
        pictured.negative = names.join(", ");
        let mut retain = vec![
            Weighted { objective: Box::new(NoiseMse {}), weight: self.align },
            Weighted { objective: Box::new(Distill::default()), weight: self.distil },
        ];
        // A loss that does not count would cost its forwards all the same.
        retain.retain(|loss| loss.weight != 0.0);
        let train = Train {
            source: Box::new(self.drawing().of(own)),
            retain_source: Some(Box::new(pictured)),
            anchor: Box::new(Superclass {}),
            forget: vec![Weighted::one(AnchorMatch::default())],
            retain,
            mask: Box::new(self.mask()),
            optimiser: Optimiser {
                learning_rate: self.learning_rate,
                rate: Rate::OneCycle,
                ..Optimiser::default()
            },
            steps: self.steps,
            ..Train::named("sculpt")
        };
        Ok(vec![Stage::Train(Box::new(train))])
    }
}

impl Sculpting {
    fn drawing(&self) -> Drawing {
        let (steps, guidance) = (self.sampling_steps, self.guidance);
        Drawing { pictures: self.pictures, steps, guidance, batch: self.batch }
    }

    fn mask(&self) -> Dynamic {
        let mut mask = Dynamic::default();
        (mask.share, mask.turnover) = (self.share, self.turnover);
        (mask.warm_up, mask.interval) = (self.warm_up, self.interval);
        mask.momentum = self.momentum;
        mask
    }
}
