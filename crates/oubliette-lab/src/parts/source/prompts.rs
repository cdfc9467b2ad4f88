//! Pictures that the original model draws for a list of prompts, noised at random times.

use burn::tensor::Tensor;
use oubliette_evidence::Concept;
use oubliette_model::{Weight, Weights};
use rand::seq::IndexedRandom as _;
use serde::{Deserialize, Serialize};

use super::{Batch, Drawing, Focus, Source, Stateful};
use crate::{
    Card, Entry, Error, Result, Study, geometry,
    lot::Lot,
    notes::key,
    walk::{self, Walk},
};

pub(super) const ENTRY: Entry<dyn Source> = Entry::of::<Prompts>(Card {
    name: "prompts",
    what: "The original model draws pictures for the prompts before training; each step noises some of them.",
    cost: "one whole sampling for every prompt and repeat, before the first step",
    broken_by: "prompts that do not cover what must be kept",
    source: "Ablating Concepts in Text-to-Image Diffusion Models (arXiv 2303.13516), section 3.2",
    differs: "drawn with DPM-Solver++ (arXiv 2211.01095), which needs fewer steps than the releases' DDIM and DDPM",
    ..Card::BLANK
});

/// Settings, and the latents that were drawn.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompts {
    /// What is drawn.
    pub prompts: Vec<String>,
    /// Texts that the pictures are shown under, one for every prompt; empty: the prompts themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub under: Vec<String>,
    /// What the pictures must not show: the text that guidance leads away from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub negative: String,
    /// Pictures of every prompt.
    #[serde(default = "one")]
    pub repeats: usize,
    /// Guidance scale of the sampling.
    #[serde(default = "guidance")]
    pub guidance: f64,
    /// DPM-Solver++ steps of the sampling.
    #[serde(default = "steps")]
    pub steps: u32,
    /// Rows of a step.
    #[serde(default = "one")]
    pub batch: usize,
    /// Where noise levels are drawn from; absent: evenly from all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focus: Option<Focus>,
    #[serde(skip)]
    drawn: Vec<Tensor<4>>,
}

fn one() -> usize {
    1
}

fn guidance() -> f64 {
    7.5
}

fn steps() -> u32 {
    20
}

/// Prompts drawn in one forward; the pictures do not depend on it.
const TOGETHER: usize = 8;

impl Prompts {
    /// Takes what was drawn for another run, or draws.
    fn begin(&mut self, study: &Study<'_>, lot: &Lot) -> Result<()> {
        let Some(drawn) = study.drawn else { return self.draw(study, lot) };
        let Self { prompts, repeats, negative, guidance, steps, .. } = &*self;
        let asked = key(&(prompts, repeats, negative, guidance, steps, lot));
        if let Some(latents) = drawn.read(asked, study.sd.device()) {
            let [channels, height, width] = geometry::latents(study.sd);
            let whole = latents.iter().all(|(_, row)| row.shape() == [1, channels, height, width]);
            if whole && latents.len() == self.prompts.len() * self.repeats {
                return self.restore(&latents);
            }
        }
        self.draw(study, lot)?;
        drawn.keep(asked, &self.state())
    }

    fn draw(&mut self, study: &Study<'_>, lot: &Lot) -> Result<()> {
        let repeated = self.prompts.iter().flat_map(|prompt| vec![prompt.clone(); self.repeats]);
        for (chunk, prompts) in repeated.collect::<Vec<_>>().chunks(TOGETHER).enumerate() {
            let mut rng = lot.child("drawn").nth(chunk as u64).rng();
            let (sampler, prompts) = (walk::solver(study.sd, self.steps)?, prompts.to_vec());
            let mut walk = Walk::begin(study.sd, sampler, prompts, self.guidance, &mut rng)
                .away_from(&self.negative);
            walk.until(study, study.original, walk.calls())?;
            self.drawn
                .extend((0..walk.prompts().len()).map(|row| walk.latents().narrow(0, row, 1)));
        }
        Ok(())
    }
}

impl Stateful for Prompts {
    fn state(&self) -> Weights {
        let name = |row: usize| format!("drawn.{row:06}");
        let rows = self.drawn.iter().enumerate();
        rows.map(|(at, latents)| (name(at), Weight::new(latents.clone()))).collect()
    }

    fn restore(&mut self, state: &Weights) -> Result<()> {
        self.drawn = state.iter().map(|(_, weight)| weight.tensor()).collect();
        Ok(())
    }
}

impl Source for Prompts {
    fn is_pictured(&self) -> bool {
        true
    }

    fn rows(&self) -> usize {
        self.batch.max(1)
    }

    fn drawing(&self) -> Drawing {
        let pictures = self.prompts.len() as f64 * self.repeats as f64;
        // Guidance looks twice.
        Drawing { before: 2.0 * pictures * f64::from(self.steps), a_step: 0.0 }
    }

    fn batch(
        &mut self,
        study: &Study<'_>,
        _concepts: &[Concept],
        _student: &Weights,
        step: u64,
        lot: &Lot,
    ) -> Result<Batch> {
        if self.prompts.is_empty() || self.repeats == 0 {
            return Err(Error::Input {
                file: "the recipe".to_owned(),
                thing: "the source `prompts` has no prompt to draw".to_owned(),
                remedy: "give `prompts` and at least one repeat".to_owned(),
            });
        }
        if !self.under.is_empty() && self.under.len() != self.prompts.len() {
            let (under, prompts) = (self.under.len(), self.prompts.len());
            return Err(Error::Input {
                file: "the recipe".to_owned(),
                thing: format!("the source `prompts` shows {prompts} prompts under {under} texts"),
                remedy: "give one text for every prompt, or none".to_owned(),
            });
        }
        if self.drawn.is_empty() {
            self.begin(study, lot)?;
        }
        let mut rng = lot.nth(step).rng();
        let rows: Vec<usize> = (0..self.drawn.len()).collect();
        let chosen: Vec<usize> =
            (0..self.batch.max(1)).filter_map(|_| rows.choose(&mut rng).copied()).collect();
        let clean = Tensor::cat(chosen.iter().map(|&row| self.drawn[row].clone()).collect(), 0);
        // What was kept was kept in f32.
        let clean = clean.cast(walk::dtype(study.sd));
        let texts = if self.under.is_empty() { &self.prompts } else { &self.under };
        let prompts = chosen.iter().map(|&row| texts[row / self.repeats].clone()).collect();
        match self.focus {
            None => walk::noised(study.sd, clean, prompts, &mut rng),
            Some(focus) => {
                let draw = |levels, rng: &mut _| focus.draw(levels, rng);
                walk::noised_at(study.sd, clean, prompts, draw, &mut rng)
            }
        }
    }
}

impl Prompts {
    /// Pictures of `prompts`, `repeats` of each, with the usual sampling; `batch` rows a step.
    pub fn new(prompts: Vec<String>, repeats: usize, batch: usize) -> Self {
        let (guidance, steps) = (guidance(), steps());
        let (under, negative, drawn) = (Vec::new(), String::new(), Vec::new());
        Self { prompts, under, negative, repeats, guidance, steps, batch, focus: None, drawn }
    }
}
