//! ESD's loss against tokens that are appended to the concept's name where the denoiser reads it, and kept up to date with what brings
//! the concept back; what erasers add elsewhere in the picture costs.

mod elsewhere;

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::{DType, Tensor};
use oubliette_model::{
    Weight, Weights,
    train::{Optimiser, Rule, Settings},
};
use rand::Rng as _;
use serde::{Deserialize, Serialize};

use super::{GuidanceReversal, Objective, Preparing, Scene, Stateful, goal, mean_square};
use crate::{Card, Entry, Result, gradients::gradients, walk, wording};

pub(super) const ENTRY: Entry<dyn Objective> = Entry::of::<Appended>(Card {
    name: "appended",
    what: "As `guidance_reversal`, but behind the concept's name stand embeddings that were moved to where the student predicts most like the \
           original did; and what erasers add to pixels that did not look at the name counts as a loss.",
    changes: "what the mask lets move",
    cost: "`updates` passes through the student for the embeddings, one more of the original, then as `guidance_reversal`",
    source: "Receler: Reliable Concept Erasing of Text-to-Image Diffusion Models via Lightweight Erasers (arXiv 2311.17717); released code",
    broken_by: "the own prompts of a style, in Receler (our own study of methods, on a miniature); not measured by its authors against later fine-tuning",
    differs: "the attention maps are those of the level whose shorter side is nearest 16, which is the release's 16 x 16 at 64 x 64 latents; \
              the step sees the embeddings after their last update",
    ..Card::BLANK
});

/// Guidance reversal against appended embeddings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Appended {
    /// The loss that is taken.
    pub reversal: GuidanceReversal,
    /// Embeddings behind the name.
    pub tokens: usize,
    /// Updates of them before every step.
    pub updates: u32,
    /// Learning rate of the updates, by Adam.
    pub rate: f64,
    /// Weight decay of the updates.
    pub decay: f64,
    /// Weight of what erasers add where the original did not look at the name; 0 where there are none.
    pub locality: f64,
    /// How much of the most that any pixel looks at the name counts as looking.
    pub threshold: f64,
    /// The embeddings by name, (tokens, width).
    #[serde(skip)]
    found: Weights,
    #[serde(skip)]
    search: BTreeMap<String, Optimiser>,
}

impl Default for Appended {
    fn default() -> Self {
        Self {
            reversal: GuidanceReversal::default(),
            tokens: 16,
            updates: 50,
            rate: 0.1,
            decay: 0.1,
            locality: 0.1,
            threshold: 0.1,
            found: Weights::new(),
            search: BTreeMap::new(),
        }
    }
}

impl Stateful for Appended {
    fn state(&self) -> Weights {
        let mut all = self.found.under("found");
        for (name, optimiser) in &self.search {
            all.extend(optimiser.moments().under(&format!("search/{name}")));
            if let Some(found) = self.found.get(name) {
                let steps = vec![optimiser.steps() as f32];
                let steps = Weight::from_f32(steps, &[1], &found.device(), DType::F32);
                all.insert(format!("steps/{name}"), steps);
            }
        }
        all
    }

    fn restore(&mut self, state: &Weights) -> Result<()> {
        self.found = state.within("found");
        for (name, steps) in &state.within("steps") {
            let moments = state.within(&format!("search/{name}"));
            let steps = steps.to_f32_vec()[0] as u64;
            let optimiser = Optimiser::resumed(self.settings(), steps, &moments);
            self.search.insert(name.clone(), optimiser);
        }
        Ok(())
    }
}

impl Objective for Appended {
    fn prepare(&mut self, from: &Preparing<'_>) -> Result<()> {
        let scene = &from.scene;
        let mut names = BTreeSet::new();
        for prompt in &scene.batch.prompts {
            names.insert(wording::must_name(scene.concepts, prompt)?.1.to_lowercase());
        }
        for name in &names {
            if !self.found.contains(name) {
                self.found.insert(name.clone(), self.begin(from, name));
                self.search.insert(name.clone(), Optimiser::new(self.settings()));
            }
        }
        let goal = goal(scene)?;
        for _ in 0..self.updates {
            let slopes = gradients(&self.found, &names, |found| {
                let context = self.context(scene, from.student, found)?;
                let seen = scene.study.predict(from.student, scene.batch, context);
                Ok(mean_square(seen, goal.clone()))
            })?;
            for name in &names {
                let own = slopes.by_name.only(&[name.clone()].into());
                if let Some(optimiser) = self.search.get_mut(name) {
                    optimiser.step(&mut self.found, &own, 1.0);
                }
            }
        }
        Ok(())
    }

    fn preparation(&self, step: f64) -> f64 {
        f64::from(self.updates) * step
    }

    fn loss(&self, scene: &Scene<'_>, student: &Weights) -> Result<Tensor<1>> {
        let target = self.reversal.wanted(scene)?;
        let context = self.context(scene, student, &self.found)?;
        let (own, looked) = scene.study.predict_watched(student, scene.batch, context);
        let loss = mean_square(own, target);
        if self.locality == 0.0 {
            return Ok(loss);
        }
        Ok(loss + elsewhere::added(scene, looked, self.threshold)? * self.locality)
    }
}

impl Appended {
    /// The same loss with embeddings that are given, by name.
    pub fn behind(self, found: Weights) -> Self {
        Self { found, ..self }
    }

    fn settings(&self) -> Settings {
        let (rule, lr, weight_decay) = (Rule::Adam, self.rate, self.decay);
        Settings { rule, lr, weight_decay, ..Settings::default() }
    }

    /// Evenly between 0 and 1, as in the released code.
    fn begin(&self, from: &Preparing<'_>, name: &str) -> Weight {
        let sd = from.scene.study.sd;
        let shape = [self.tokens, sd.text.config().width];
        let mut rng = from.lot.child(name).rng();
        let values = (0..shape.iter().product()).map(|_| rng.random::<f32>()).collect();
        Weight::from_f32(values, &shape, sd.device(), walk::dtype(sd))
    }

    /// What the text encoder makes of the prompts, with the embeddings behind each name.
    fn context(&self, scene: &Scene<'_>, student: &Weights, found: &Weights) -> Result<Tensor<3>> {
        let (study, prompts) = (scene.study, &scene.batch.prompts);
        let context = study.context(student, prompts)?;
        let [_, length, _] = context.dims();
        let mut rows = Vec::with_capacity(prompts.len());
        for (row, prompt) in prompts.iter().enumerate() {
            let own = context.clone().narrow(0, row, 1);
            let (_, name) = wording::must_name(scene.concepts, prompt)?;
            let places = study.sd.tokenizer.positions(prompt, name)?;
            let end = places.first().map_or(length, |place| place.end);
            let Some(found) = found.get(&name.to_lowercase()) else {
                rows.push(own);
                continue;
            };
            let count = self.tokens.min(length - end);
            let mut parts = vec![own.clone().narrow(1, 0, end)];
            if count > 0 {
                parts.push(found.tensor::<2>().narrow(0, 0, count).unsqueeze::<3>());
            }
            if end + count < length {
                parts.push(own.narrow(1, end + count, length - end - count));
            }
            rows.push(Tensor::cat(parts, 1));
        }
        Ok(Tensor::cat(rows, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn a_count_of_updates_is_kept_to_the_last_one_in_any_format() {
        for format in [DType::F32, DType::BF16] {
            let mut own = Appended::default();
            let found = Weight::from_f32(vec![0.5, 0.25], &[1, 2], &Device::flex(), format);
            own.found.insert("fox", found);
            // 50 updates in each of 51 steps; bf16 knows no number between 2544 and 2560.
            let search = Optimiser::resumed(own.settings(), 2550, &Weights::new());
            own.search.insert("fox".to_owned(), search);
            let mut again = Appended::default();
            again.restore(&own.state()).unwrap();
            assert_eq!(again.search["fox"].steps(), 2550, "{format:?}");
        }
    }
}
