//! Pictures that the original model draws for a list of prompts, noised at random times.

mod gallery;
mod painting;

use burn::tensor::Tensor;
use oubliette_evidence::Concept;
use oubliette_model::Weights;
use rand::Rng as _;
use serde::{Deserialize, Serialize};

use super::{Batch, Drawing, Focus, Source, Stateful, check_rows, check_sampling};
use crate::{
    Card, Entry, Error, Result, Study,
    lot::{Lot, Rng},
    walk,
};
use gallery::Gallery;
pub use painting::Solver;

pub(super) const ENTRY: Entry<dyn Source> = Entry::of::<Prompts>(Card {
    name: "prompts",
    what: "The original model draws pictures for the prompts before training; each step noises some of them.",
    cost: "one whole sampling for every prompt and repeat that a step will look at, before the first step",
    broken_by: "prompts that do not cover what must be kept",
    source: "Ablating Concepts in Text-to-Image Diffusion Models (arXiv 2303.13516), section 3.2",
    differs: "drawn with DPM-Solver++ (arXiv 2211.01095), which needs fewer steps than the releases' DDIM and DDPM, and never decoded and \
              encoded again, unless `solver` and `encoded` say so; pictures that no step looks at are not drawn",
    ..Card::BLANK
});

/// Settings, and the pictures that were drawn.
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
    /// Steps of the sampling.
    #[serde(default = "steps")]
    pub steps: u32,
    /// Which solver takes them.
    #[serde(default, skip_serializing_if = "Solver::is_default")]
    pub solver: Solver,
    /// Whether pictures are decoded, rounded to 8 bits and encoded, as the releases keep them in files: each use is then a draw from the
    /// distribution of the picture's latents. A picture is encoded once, however often it is used.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub encoded: bool,
    /// Rows of a step.
    #[serde(default = "one")]
    pub batch: usize,
    /// Where noise levels are drawn from; absent: evenly from all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focus: Option<Focus>,
    #[serde(skip)]
    gallery: Gallery,
    /// Steps that will look at it, where it was told.
    #[serde(skip)]
    expected: Vec<u64>,
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

impl Stateful for Prompts {
    fn state(&self) -> Weights {
        self.gallery.named()
    }

    fn restore(&mut self, state: &Weights) -> Result<()> {
        self.gallery = Gallery::of(state);
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
        self.focus.map_or(Ok(()), |focus| focus.check())?;
        check_rows(self.batch)?;
        check_sampling(self.steps, self.guidance)
    }

    fn drawing(&self, steps: u64) -> Drawing {
        let (pictures, chosen) = (self.pictures() as f64, self.rows() as f64 * steps as f64);
        // So many of them are chosen on average.
        let drawn = pictures * (1.0 - (1.0 - 1.0 / pictures.max(1.0)).powf(chosen));
        // Guidance looks twice.
        Drawing { before: 2.0 * drawn * f64::from(self.steps), a_step: 0.0 }
    }

    fn expect(&mut self, steps: Vec<u64>) {
        self.expected = steps;
    }

    fn batch(
        &mut self,
        study: &Study<'_>,
        _concepts: &[Concept],
        _student: &Weights,
        step: u64,
        lot: &Lot,
    ) -> Result<Batch> {
        self.check()?;
        let mut rng = lot.nth(step).rng();
        let chosen = self.chosen(&mut rng);
        if !chosen.iter().all(|&number| self.gallery.has(number)) {
            let later = self.expected.iter().copied().filter(|&other| other > step);
            let steps = std::iter::once(step).chain(later);
            let wanted = steps.flat_map(|step| self.chosen(&mut lot.nth(step).rng())).collect();
            self.paint(study, &wanted, lot)?;
        }
        let rows = chosen.iter().filter_map(|&row| self.gallery.latents(row, study.sd, &mut rng));
        let clean = Tensor::cat(rows.collect(), 0);
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
        Self {
            prompts,
            under: Vec::new(),
            negative: String::new(),
            repeats,
            guidance: guidance(),
            steps: steps(),
            solver: Solver::default(),
            encoded: false,
            batch,
            focus: None,
            gallery: Gallery::default(),
            expected: Vec::new(),
        }
    }

    /// How many pictures there are to choose from.
    fn pictures(&self) -> usize {
        self.prompts.len().saturating_mul(self.repeats)
    }

    /// The numbers of a step's pictures, of which there is one at least.
    fn chosen(&self, rng: &mut Rng) -> Vec<usize> {
        (0..self.rows()).map(|_| rng.random_range(0..self.pictures())).collect()
    }
}
