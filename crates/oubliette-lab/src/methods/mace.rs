//! MACE: the words around the name forget it, an adapter for each concept looks away from the name, and all are fused into the weights.

mod around;
mod merge;
mod refine;

use oubliette_evidence::Concept;
use serde::{Deserialize, Serialize};

use super::{
    Adapt, Method, Stage,
    shown::{self, Drawing},
};
use crate::{
    Card, Entry, Error, Result,
    editing::Reader,
    parts::{anchor::superclass_of, objective::AttentionNorm, source::Focus},
    training::{Optimiser, Train, Weighted},
    wording,
};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<Mace>(Card {
    name: "mace",
    what: "Solves for keys and values with which the words around the concept's name read as if another name stood there, trains one small \
           adapter for each concept to look away from its name, and solves for weights that do what all adapters do.",
    changes: "to_k and to_v of every cross-attention",
    cost: "sampling of `pictures`, `steps` training steps and two symmetric systems of the text encoder's width for every concept",
    broken_by: "fine-tuning on unrelated pictures (arXiv 2410.08074: the method that showed it first)",
    source: "MACE: Mass Concept Erasure in Diffusion Models (arXiv 2403.06135), closed-form refinement, adapters against attention, closed-form fusion; written from the paper",
    differs: "no segmenter marks the concept in its pictures: attention to the name is made small everywhere; what is preserved are the \
              `preserve` texts, where the paper sums over captions of COCO; a small lambda keeps the systems solvable",
    ..Card::BLANK
});

/// MACE with every choice made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mace {
    /// The name that takes the concept's place in the first stage; absent: the superclass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapping: Option<String>,
    /// Texts with `{name}`; empty: the concept's own templates.
    pub templates: Vec<String>,
    /// Texts whose keys and values should stay; empty: the concept's neighbours.
    pub preserve: Vec<String>,
    /// Weight of every preserved token, in both systems.
    pub preserve_scale: f64,
    /// Weight of staying near; above 0.
    pub lambda: f64,
    /// Rank of the adapters.
    pub rank: usize,
    /// Where noise levels are drawn from: mostly between two times.
    pub focus: Focus,
    /// Pictures of each concept.
    pub pictures: usize,
    /// DPM-Solver++ steps of the sampling that makes them.
    pub sampling_steps: u32,
    /// Its guidance scale.
    pub guidance: f64,
    /// Learning rate of Adam for the adapters.
    pub learning_rate: f64,
    /// Training steps of each adapter.
    pub steps: u64,
    /// Rows of a step.
    pub batch: usize,
}

impl Default for Mace {
    fn default() -> Self {
        Self {
            mapping: None,
            templates: Vec::new(),
            preserve: Vec::new(),
            preserve_scale: 1.0,
            lambda: 0.01,
            rank: 1,
            focus: Focus::default(),
            pictures: 8,
            sampling_steps: 20,
            guidance: 7.5,
            learning_rate: 1e-4,
            steps: 50,
            batch: 1,
        }
    }
}

impl Method for Mace {
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>> {
        self.check()?;
        if let Some(mapping) = &self.mapping {
            wording::must_be_another(concepts, "mapping", mapping)?;
        }
        let (mut all, mut mappings) = (Vec::new(), Vec::new());
        let own = concepts.iter().flat_map(|concept| concept.keep.clone());
        let preserve = if self.preserve.is_empty() { own.collect() } else { self.preserve.clone() };
        for concept in concepts {
            mappings.push(match &self.mapping {
                Some(name) => name.clone(),
                None => superclass_of(concept)?.to_owned(),
            });
            all.push(shown::prompts(concept, &self.templates));
        }
        let mut stages = vec![Stage::Edit(Box::new(refine::Refine {
            prompts: all.clone(),
            mappings,
            preserve: preserve.clone(),
            preserve_scale: self.preserve_scale,
            lambda: self.lambda,
        }))];
        stages.extend(all.iter().map(|prompts| Stage::Adapt(Box::new(self.adapter(prompts)))));
        stages.push(Stage::Fuse(Box::new(merge::Merge {
            prompts: all,
            preserve,
            preserve_scale: self.preserve_scale,
            lambda: self.lambda,
        })));
        Ok(stages)
    }
}

impl Mace {
    fn check(&self) -> Result<()> {
        let fine = self.lambda > 0.0 && self.preserve_scale >= 0.0 && self.rank > 0;
        if fine && self.lambda.is_finite() && self.preserve_scale.is_finite() {
            return Ok(());
        }
        let (lambda, scale, rank) = (self.lambda, self.preserve_scale, self.rank);
        Err(Error::Input {
            file: "the recipe".to_owned(),
            thing: format!("mace has lambda {lambda}, preserve_scale {scale} and rank {rank}"),
            remedy: "choose a lambda above 0, a scale of 0 or more and a rank of at least 1"
                .to_owned(),
        })
    }

    /// The second stage of one concept.
    fn adapter(&self, prompts: &[String]) -> Adapt {
        let (steps, guidance) = (self.sampling_steps, self.guidance);
        let drawing = Drawing { pictures: self.pictures, steps, guidance, batch: self.batch };
        let mut source = drawing.of(prompts.to_vec());
        source.focus = Some(self.focus);
        let train = Train {
            source: Box::new(source),
            forget: vec![Weighted::one(AttentionNorm { squared: true })],
            optimiser: Optimiser { learning_rate: self.learning_rate, ..Optimiser::default() },
            steps: self.steps,
            ..Train::named("look-away")
        };
        Adapt {
            train,
            weights: vec![r"re:^unet/.*\.attn2\.to_[kv]\.weight$".to_owned()],
            rank: self.rank,
        }
    }
}

/// Every token of some texts.
fn prior(reader: &Reader<'_>, texts: &[String]) -> Result<Vec<Vec<f64>>> {
    let mut all = Vec::new();
    for text in texts {
        all.extend(reader.whole(text)?);
    }
    Ok(all)
}
