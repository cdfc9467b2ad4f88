//! Latents from partly run samplings: what the model meets when it draws the concept, with no picture needed.

use burn::tensor::{DType, Tensor};
use oubliette_evidence::Concept;
use oubliette_model::{Weight, Weights};
use rand::{Rng as _, seq::IndexedRandom as _};
use serde::{Deserialize, Serialize};

use super::{Batch, Drawing, Seen, Source, Stateful, check_rows, check_sampling};
use crate::{
    Card, Entry, Error, Result, Study,
    lot::{Lot, Rng},
    walk::{self, Walk},
};

pub(super) const ENTRY: Entry<dyn Source> = Entry::of::<Trajectory>(Card {
    name: "trajectory",
    what: "Samples from noise under the concept's name and stops at a random noise level; the timestep is drawn from that level's bucket.",
    cost: "half a sampling for every step on average; with `pairs` above 1 a whole one for every `pairs` steps",
    broken_by: "prompts whose samplings pass elsewhere",
    source: "Erasing Concepts from Diffusion Models (arXiv 2303.07345), section 4; released code of 2023 and 2025",
    differs: "latents and timestep are at the same noise level, where the first release's sampler runs two levels further",
    ..Card::BLANK
});

/// The name under which the first step of a pool lies beside its levels.
const FIRST: &str = "first";

/// Which model draws.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    /// The model as it is now (the paper).
    #[default]
    Student,
    /// The model as it was (the later release).
    Original,
}

/// Settings, and the latents of a sampling that serves several steps.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trajectory {
    /// Texts to draw from, one a step; empty: the concepts' names.
    pub prompts: Vec<String>,
    /// Guidance scale of the sampling.
    pub guidance: f64,
    /// DDIM steps of a whole sampling.
    pub steps: u32,
    /// Rows of a step.
    pub batch: usize,
    /// Which model draws.
    pub model: Whose,
    /// Draw the timestep from the level's bucket (the paper) instead of taking the level's own.
    pub bucket: bool,
    /// How many steps one sampling serves: 1 is the paper's fresh partial sampling a step.
    pub pairs: u32,
    #[serde(skip)]
    pub(crate) pool: Pool,
}

/// Latents at every level of one sampling, noisiest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool {
    /// The step whose lot the sampling was drawn from; steps that nobody asks for are passed over.
    first: u64,
    levels: Vec<Level>,
}

/// Latents at one level; where the original draws, with what it predicted there.
#[derive(Debug, Clone)]
struct Level {
    latents: Tensor<4>,
    seen: Option<Seen>,
}

impl Default for Trajectory {
    fn default() -> Self {
        Self {
            prompts: Vec::new(),
            guidance: 3.0,
            steps: 50,
            batch: 1,
            model: Whose::Student,
            bucket: true,
            pairs: 1,
            pool: Pool::default(),
        }
    }
}

impl Stateful for Trajectory {
    fn state(&self) -> Weights {
        let name = |level: usize| format!("level.{level:04}");
        let levels = self.pool.levels.iter().enumerate();
        let mut state: Weights =
            levels.map(|(at, level)| (name(at), Weight::new(level.latents.clone()))).collect();
        if let Some(level) = self.pool.levels.first() {
            let (first, device) = (vec![self.pool.first as f32], level.latents.device());
            state.insert(FIRST, Weight::from_f32(first, &[1], &device, DType::F32));
        }
        state
    }

    fn restore(&mut self, state: &Weights) -> Result<()> {
        // What was predicted there is not kept: who wants it computes it again, to the same bits.
        let level = |weight: &Weight| Level { latents: weight.tensor(), seen: None };
        let levels = state.iter().filter(|(name, _)| *name != FIRST);
        self.pool.levels = levels.map(|(_, weight)| level(weight)).collect();
        self.pool.first = state.get(FIRST).map_or(0, |first| first.to_f32_vec()[0] as u64);
        Ok(())
    }
}

impl Source for Trajectory {
    fn rows(&self) -> usize {
        self.batch
    }

    fn check(&self) -> Result<()> {
        if self.pairs == 0 {
            return Err(Error::in_method(
                "`pairs` is 0",
                "take one pair at least from every sampling",
            ));
        }
        check_rows(self.batch)?;
        check_sampling(self.steps, self.guidance)
    }

    fn drawing(&self, _steps: u64) -> Drawing {
        // Guidance looks twice; a fresh sampling goes half of the way on average.
        let whole = 2.0 * self.batch as f64 * f64::from(self.steps);
        let share = if self.pairs <= 1 { 0.5 } else { 1.0 / f64::from(self.pairs) };
        Drawing { before: 0.0, a_step: whole * share }
    }

    fn batch(
        &mut self,
        study: &Study<'_>,
        concepts: &[Concept],
        student: &Weights,
        step: u64,
        lot: &Lot,
    ) -> Result<Batch> {
        let weights = match self.model {
            Whose::Student => student,
            Whose::Original => study.original,
        };
        let pairs = u64::from(self.pairs.max(1));
        let first = step - step % pairs; // the step whose lot the sampling is drawn from
        let mut rng = lot.nth(first).rng();
        let mut walk = self.begin(study, concepts, &mut rng)?;
        let calls = walk.calls();
        let mut pick = lot.nth(step).child("level").rng();
        let call = pick.random_range(0..calls);
        let Level { latents, seen } = if pairs == 1 {
            walk.until(study, weights, call)?;
            Level { latents: walk.latents(), seen: None }
        } else {
            if self.pool.first != first || self.pool.levels.len() != calls {
                let levels = self.levels(study, weights, &mut walk)?;
                self.pool = Pool { first, levels };
            }
            self.pool.levels[call].clone()
        };
        let times = self.times(study, &walk, call, &mut pick);
        let timesteps = walk::times(&times, &latents.device());
        let prompts = walk.prompts().to_vec();
        Ok(Batch { latents, timesteps, prompts, target: None, seen })
    }
}

impl Trajectory {
    fn begin(&self, study: &Study<'_>, concepts: &[Concept], rng: &mut Rng) -> Result<Walk> {
        let names = concepts.iter().flat_map(|concept| concept.names.iter().cloned());
        let texts = if self.prompts.is_empty() { names.collect() } else { self.prompts.clone() };
        let text = texts.choose(rng).filter(|_| self.batch > 0).ok_or_else(|| Error::Input {
            file: "the recipe".to_owned(),
            thing: "there is nothing to draw: no prompt, no name, or a batch of 0".to_owned(),
            remedy: "give the concept a name, or the source prompts and a batch of at least 1"
                .to_owned(),
        })?;
        let (sampler, prompts) =
            (walk::ddim(study.sd, self.steps)?, vec![text.clone(); self.batch]);
        Ok(Walk::begin(study.sd, sampler, prompts, self.guidance, rng))
    }

    /// Every level of a whole sampling.
    fn levels(&self, study: &Study<'_>, weights: &Weights, walk: &mut Walk) -> Result<Vec<Level>> {
        // The sampling has looked at these very latents at the level's own time.
        let keeps = self.model == Whose::Original && !self.bucket;
        let calls = walk.calls();
        let level = |call| {
            let latents = walk.latents();
            let looks = keeps || call + 1 < calls;
            let seen = looks.then(|| walk.next(study, weights)).transpose()?;
            let seen = seen.filter(|_| keeps).map(|[under, empty]| Seen { under, empty });
            Ok(Level { latents, seen })
        };
        (0..calls).map(level).collect()
    }

    /// Level k of S, counted from the cleanest, stands for the training times from kT/S to (k+1)T/S.
    fn times(&self, study: &Study<'_>, walk: &Walk, call: usize, pick: &mut Rng) -> Vec<f32> {
        let (levels, total) = (walk.calls(), study.sd.schedule.train_timesteps());
        if !self.bucket {
            return vec![walk.time_at(call); self.batch];
        }
        let level = levels - 1 - call;
        let bucket =
            level * total / levels..((level + 1) * total / levels).max(level * total / levels + 1);
        (0..self.batch).map(|_| pick.random_range(bucket.clone()) as f32).collect()
    }
}
