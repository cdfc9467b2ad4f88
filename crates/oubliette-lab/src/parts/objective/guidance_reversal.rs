//! ESD's loss: under the concept's name, predict what guidance away from the concept would predict.

use burn::tensor::Tensor;
use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{Objective, Scene, Stateful, mean_square};
use crate::{Card, Entry, Result};

pub(super) const ENTRY: Entry<dyn Objective> = Entry::of::<GuidanceReversal>(Card {
    name: "guidance_reversal",
    what: "Under the concept's prompt the student must predict from - eta (concept - empty), all by the original model.",
    changes: "what the mask lets move",
    cost: "two forwards of the original model a step, three where it starts at the anchor",
    broken_by: "prompts far from the trained ones; searches in embedding space; fine-tuning",
    source: "Erasing Concepts from Diffusion Models (arXiv 2303.07345), equation 7",
    differs: "the loss is taken on the model's own output, so for v-prediction models it is a loss on v",
    ..Card::BLANK
});

/// Where the reversed guidance starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum From {
    /// At the anchor's prediction (with the anchor `nothing`: the paper and the first release).
    #[default]
    Anchor,
    /// At the concept's own prediction (the later diffusers release); eta = 2 here is eta = 1 there.
    Concept,
}

/// The loss with its strength.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuidanceReversal {
    /// How far to go against the concept's guidance.
    pub eta: f64,
    /// Where to start from.
    pub from: From,
}

impl Default for GuidanceReversal {
    fn default() -> Self {
        Self { eta: 1.0, from: From::Anchor }
    }
}

impl Stateful for GuidanceReversal {}

impl GuidanceReversal {
    /// `from - eta (concept - empty)`, elementwise.
    pub fn target(&self, anchor: Tensor<4>, concept: Tensor<4>, empty: Tensor<4>) -> Tensor<4> {
        let from = match self.from {
            From::Anchor => anchor,
            From::Concept => concept.clone(),
        };
        from - (concept - empty).mul_scalar(self.eta)
    }
}

impl GuidanceReversal {
    /// What the student should predict, all by the original model.
    ///
    /// # Errors
    /// As [`Objective::loss`].
    pub fn wanted(&self, scene: &Scene<'_>) -> Result<Tensor<4>> {
        let (study, batch) = (scene.study, scene.batch);
        if let (From::Concept, Some(seen)) = (self.from, &batch.seen) {
            let (concept, empty) = (seen.under.clone(), seen.empty.clone());
            return Ok(self.target(concept.clone(), concept, empty));
        }
        let original = study.original;
        let prompts = &batch.prompts;
        let concept = study.context(original, prompts)?;
        let empty = study.context(original, &vec![String::new(); prompts.len()])?;
        // Where the concept's own prediction is the start, the anchor's is not asked for.
        let (anchor, concept, empty) = match self.from {
            From::Anchor => {
                let anchor = scene.anchor.condition(study, original, scene.concepts, prompts)?;
                let contexts = [anchor, concept, empty];
                study.predict_many(original, batch, contexts).into()
            }
            From::Concept => {
                let [concept, empty] = study.predict_many(original, batch, [concept, empty]);
                (concept.clone(), concept, empty)
            }
        };
        Ok(self.target(anchor, concept, empty))
    }
}

impl Objective for GuidanceReversal {
    fn looks_at_anchor(&self) -> bool {
        self.from == From::Anchor
    }

    fn loss(&self, scene: &Scene<'_>, student: &Weights) -> Result<Tensor<1>> {
        let (study, batch) = (scene.study, scene.batch);
        let target = self.wanted(scene)?;
        let own = study.predict(student, batch, study.context(student, &batch.prompts)?);
        Ok(mean_square(own, target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution};

    #[test]
    fn the_two_conventions_agree() {
        let random =
            || Tensor::<4>::random([2, 4, 8, 8], Distribution::Normal(0.0, 1.0), &Device::flex());
        let (concept, empty) = (random(), random());
        let paper = GuidanceReversal { eta: 1.0, from: From::Anchor };
        let release = GuidanceReversal { eta: 2.0, from: From::Concept };
        let difference = paper.target(empty.clone(), concept.clone(), empty.clone())
            - release.target(empty.clone(), concept, empty);
        let worst: f32 = difference.abs().max().into_scalar();
        assert!(worst < 1e-5, "{worst}");
    }
}
