//! Pictures that the original model draws for a list of prompts, noised at random times.

use burn::tensor::Tensor;
use oubliette_evidence::{Concept, Digest};
use oubliette_model::{Weight, Weights};
use rand::seq::IndexedRandom as _;
use serde::{Deserialize, Serialize};

use super::{Batch, Drawing, Focus, Source, Stateful, check_rows, check_sampling};
use crate::{
    Card, Entry, Error, Result, Study, geometry,
    lot::Lot,
    notes::key,
    progress::Progress,
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
    /// Draws all pictures, a few at a time; of those that another run drew, or this one before it was stopped, none again.
    fn draw(&mut self, study: &Study<'_>, lot: &Lot) -> Result<()> {
        let repeated = self.prompts.iter().flat_map(|prompt| vec![prompt.clone(); self.repeats]);
        let repeated: Vec<String> = repeated.collect();
        let mut drawn = Vec::with_capacity(repeated.len());
        for (chunk, prompts) in repeated.chunks(TOGETHER).enumerate() {
            let lot = lot.child("drawn").nth(chunk as u64);
            let asked = key(&(prompts, &self.negative, self.guidance, self.steps, lot));
            if let Some(kept) = before(study, asked, prompts.len()) {
                drawn.extend(rows(&kept));
                continue;
            }
            let new = self.few(study, prompts, &lot)?;
            if let Some(drawn) = study.drawn {
                drawn.keep(asked, &named(&new));
            }
            drawn.extend(new);
            let (done, total) = (drawn.len() as u64, repeated.len() as u64);
            study.tell(Progress { unit: "drawing", done, total, loss: None })?;
        }
        self.drawn = drawn;
        Ok(())
    }

    /// The latents of a few prompts, one row each.
    fn few(&self, study: &Study<'_>, prompts: &[String], lot: &Lot) -> Result<Vec<Tensor<4>>> {
        let (sampler, texts) = (walk::solver(study.sd, self.steps)?, prompts.to_vec());
        let mut walk = Walk::begin(study.sd, sampler, texts, self.guidance, &mut lot.rng())
            .away_from(&self.negative);
        walk.until(study, study.original, walk.calls())?;
        let latents = walk.latents();
        Ok((0..prompts.len()).map(|row| latents.clone().narrow(0, row, 1)).collect())
    }
}

/// What was drawn for such a request before, where it has so many rows of the model's size.
fn before(study: &Study<'_>, asked: Digest, count: usize) -> Option<Weights> {
    let kept = study.drawn?.read(asked, study.sd.device())?;
    let [channels, height, width] = geometry::latents(study.sd);
    let fits = kept.iter().all(|(_, one)| one.shape() == [1, channels, height, width]);
    (fits && kept.len() == count).then_some(kept)
}

/// Rows by their numbers.
fn named(rows: &[Tensor<4>]) -> Weights {
    let name = |(at, latents): (usize, &Tensor<4>)| {
        (format!("drawn.{at:06}"), Weight::new(latents.clone()))
    };
    rows.iter().enumerate().map(name).collect()
}

/// The same the other way round.
fn rows(named: &Weights) -> Vec<Tensor<4>> {
    named.iter().map(|(_, weight)| weight.tensor()).collect()
}

impl Stateful for Prompts {
    fn state(&self) -> Weights {
        named(&self.drawn)
    }

    fn restore(&mut self, state: &Weights) -> Result<()> {
        self.drawn = rows(state);
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

    fn check(&self) -> Result<()> {
        if self.prompts.is_empty() || self.repeats == 0 {
            let remedy =
                "draw one at least (`pictures` of a method; `prompts` and `repeats` of a source)";
            return Err(Error::in_method("no picture would be drawn to train on", remedy));
        }
        if !self.under.is_empty() && self.under.len() != self.prompts.len() {
            let (under, prompts) = (self.under.len(), self.prompts.len());
            let thing = format!("the source `prompts` shows {prompts} prompts under {under} texts");
            return Err(Error::in_method(&thing, "give one text for every prompt, or none"));
        }
        check_rows(self.batch)?;
        check_sampling(self.steps, self.guidance)
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
        if self.drawn.is_empty() {
            self.draw(study, lot)?;
        }
        let mut rng = lot.nth(step).rng();
        let rows: Vec<usize> = (0..self.drawn.len()).collect();
        let chosen: Vec<usize> =
            (0..self.batch.max(1)).filter_map(|_| rows.choose(&mut rng).copied()).collect();
        let clean = Tensor::cat(chosen.iter().map(|&row| self.drawn[row].clone()).collect(), 0);
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
