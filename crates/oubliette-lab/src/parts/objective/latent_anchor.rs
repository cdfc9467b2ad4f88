//! Retain everything else by staying as one was under random embeddings, the less likely the more like the concept's.

use burn::tensor::Tensor;
use oubliette_model::{Weight, Weights};
use rand::Rng as _;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::{Objective, Preparing, Scene, Stateful, mean_square};
use crate::{Card, Entry, Error, Result, parts::source::Batch, walk};

pub(super) const ENTRY: Entry<dyn Objective> = Entry::of::<LatentAnchor>(Card {
    name: "latent_anchor",
    what: "Mean square between student and original under random embeddings as long as the concept's own, each kept with a probability of one \
           less its cosine to that.",
    changes: "what the mask lets move",
    cost: "student's and original's forward on `samples` rows",
    source: "One-Dimensional Adapter to Rule Them All (SPM, arXiv 2312.16145), latent anchoring; released code, weight 1000",
    broken_by: "random embeddings that are unlike any text",
    ..Card::BLANK
});

/// Staying under random embeddings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LatentAnchor {
    /// Embeddings a step.
    pub samples: usize,
    /// (samples, tokens, width): those of this step, drawn anew in every one.
    #[serde(skip)]
    drawn: Option<Tensor<3>>,
}

impl Default for LatentAnchor {
    fn default() -> Self {
        Self { samples: 4, drawn: None }
    }
}

impl Stateful for LatentAnchor {}

impl LatentAnchor {
    /// The same loss under embeddings (samples, tokens, width) that are given.
    pub fn under(self, drawn: Tensor<3>) -> Self {
        Self { drawn: Some(drawn), ..self }
    }
}

impl Objective for LatentAnchor {
    fn prepare(&mut self, from: &Preparing<'_>) -> Result<()> {
        let (study, batch) = (from.scene.study, from.scene.batch);
        let concept = study.context(study.original, &batch.prompts[..1])?;
        let [_, tokens, width] = concept.dims();
        let concept = Weight::new(concept).to_f32_vec();
        let long = length(&concept);
        if !long.is_finite() {
            return Err(Error::Input {
                file: "the model".to_owned(),
                thing: format!(
                    "its text encoder makes no finite numbers of `{}`",
                    batch.prompts[0]
                ),
                remedy: "choose a model that was not destroyed by training".to_owned(),
            });
        }
        let mut rng = from.lot.rng();
        let mut values = Vec::with_capacity(self.samples * concept.len());
        for _ in 0..self.samples {
            let noise = loop {
                let noise: Vec<f32> = concept.iter().map(|_| rng.sample(StandardNormal)).collect();
                let along = dot(&noise, &concept) / (length(&noise) * long).max(1e-12);
                if rng.random::<f64>() < 1.0 - along {
                    break noise;
                }
            };
            let scale = rng.random_range(0.8..1.2) * long / length(&noise);
            values.extend(noise.into_iter().map(|value| (f64::from(value) * scale) as f32));
        }
        let shape = [self.samples, tokens, width];
        let drawn = Weight::from_f32(values, &shape, study.sd.device(), walk::dtype(study.sd));
        self.drawn = Some(drawn.tensor());
        Ok(())
    }

    fn loss(&self, scene: &Scene<'_>, student: &Weights) -> Result<Tensor<1>> {
        let (study, batch) = (scene.study, scene.batch);
        let Some(drawn) = self.drawn.clone().filter(|_| self.samples > 0) else {
            return Err(Error::Input {
                file: "the recipe, objective `latent_anchor`".to_owned(),
                thing: "it draws no embedding".to_owned(),
                remedy: "choose at least one of `samples`".to_owned(),
            });
        };
        let rows: Vec<Batch> =
            (0..drawn.dims()[0]).map(|at| batch.row(at % batch.prompts.len())).collect();
        let cat = |part: fn(&Batch) -> Tensor<4>| Tensor::cat(rows.iter().map(part).collect(), 0);
        let times = rows.iter().map(|row| row.timesteps.clone()).collect();
        let batch = Batch {
            latents: cat(|row| row.latents.clone()),
            timesteps: Tensor::cat(times, 0),
            prompts: rows.iter().flat_map(|row| row.prompts.clone()).collect(),
            target: None,
            seen: None,
        };
        let before = study.predict(study.original, &batch, drawn.clone());
        Ok(mean_square(study.predict(student, &batch, drawn), before))
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn length(a: &[f32]) -> f64 {
    dot(a, a).sqrt()
}
