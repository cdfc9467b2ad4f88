//! How the pictures are drawn: a few at a time, each from noise of its own, whatever is drawn beside it.

use std::collections::BTreeSet;

use burn::tensor::Tensor;
use oubliette_evidence::Digest;
use oubliette_model::schedule::Sampler;
use serde::{Deserialize, Serialize};

use super::{
    Prompts,
    gallery::{Gallery, Picture},
};
use crate::{
    Result, Study,
    encoded::Encoded,
    geometry,
    lot::Lot,
    notes::key,
    progress::Progress,
    walk::{self, Walk},
};

/// Which solver takes the steps of a sampling of which only the picture counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Solver {
    /// Of second order: a picture is there in 10 to 20 steps (arXiv 2211.01095).
    #[default]
    #[serde(rename = "dpm-solver++")]
    DpmSolver,
    /// That of the papers' released code, which takes 25 to 50 steps (arXiv 2010.02502).
    #[serde(rename = "ddim")]
    Ddim,
}

impl Solver {
    /// Whether it is the usual one.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    fn sampler(self, study: &Study<'_>, steps: u32) -> Result<Box<dyn Sampler>> {
        match self {
            Self::DpmSolver => walk::solver(study.sd, steps),
            Self::Ddim => walk::ddim(study.sd, steps),
        }
    }
}

/// Pictures whose noise comes from one lot.
const A_LOT: usize = 8;

/// How many pictures are drawn in one forward, which they do not depend on: 8, or more where they are so small that 8 do not fill it.
fn together(study: &Study<'_>) -> usize {
    let [_, height, width] = geometry::latents(study.sd);
    (2048 / (height * width).max(1)).clamp(8, 32)
}

impl Prompts {
    /// Draws those of the pictures that are not there; of those that another run drew, or this one before it was stopped, none again.
    pub(super) fn paint(
        &mut self,
        study: &Study<'_>,
        wanted: &BTreeSet<usize>,
        lot: &Lot,
    ) -> Result<()> {
        let lot = lot.child("drawn");
        let mut missing = Vec::new();
        for &number in wanted {
            if self.gallery.has(number) {
                continue;
            }
            match self.before(study, number, &lot) {
                Some(kept) => self.gallery.add(kept),
                None => missing.push(number),
            }
        }
        let (mut done, total) = (0, missing.len() as u64);
        for few in missing.chunks(together(study)) {
            for (&number, picture) in few.iter().zip(self.few(study, few, &lot)?) {
                let one = Gallery::one(number, picture);
                if let Some(drawn) = study.drawn {
                    drawn.keep(self.asked(number, &lot), &one.named());
                }
                self.gallery.add(one);
            }
            done += few.len() as u64;
            study.tell(Progress { unit: "drawing", done, total, loss: None })?;
        }
        Ok(())
    }

    /// Everything that a picture follows from.
    fn asked(&self, number: usize, lot: &Lot) -> Digest {
        let prompt = &self.prompts[number / self.repeats];
        let sampling = (&self.negative, self.guidance, self.steps, self.solver);
        key(&(prompt, sampling, self.encoded, number, lot))
    }

    /// What was drawn for such a request before.
    fn before(&self, study: &Study<'_>, number: usize, lot: &Lot) -> Option<Gallery> {
        let kept = study.drawn?.read(self.asked(number, lot), study.sd.device())?;
        let kept = Gallery::of(&kept);
        kept.is_only(number, study.sd).then_some(kept)
    }

    /// A few pictures, in the order of their numbers.
    fn few(&self, study: &Study<'_>, numbers: &[usize], lot: &Lot) -> Result<Vec<Picture>> {
        let noise =
            Tensor::cat(numbers.iter().map(|&number| noise(study, number, lot)).collect(), 0);
        let prompts = numbers.iter().map(|&number| self.prompts[number / self.repeats].clone());
        let sampler = self.solver.sampler(study, self.steps)?;
        let mut walk = Walk::begin_at(noise, sampler, prompts.collect(), self.guidance)
            .away_from(&self.negative);
        walk.until(study, study.original, walk.calls())?;
        let latents = walk.latents();
        let row = |row| self.picture(study, latents.clone().narrow(0, row, 1));
        (0..numbers.len()).map(row).collect()
    }

    /// What is kept of the latents that were drawn.
    fn picture(&self, study: &Study<'_>, latents: Tensor<4>) -> Result<Picture> {
        if !self.encoded {
            return Ok(Picture::Drawn(Box::new(latents)));
        }
        let mut pictures = study.sd.decode_pictures(study.original, latents)?;
        let picture = pictures.pop().expect("one row is one picture");
        let known = Encoded::of(study.sd, study.original, picture)?;
        Ok(Picture::Encoded(Box::new(known)))
    }
}

/// The unit noise that a picture begins at: its place in what its lot draws.
fn noise(study: &Study<'_>, number: usize, lot: &Lot) -> Tensor<4> {
    let [channels, height, width] = geometry::latents(study.sd);
    let (nth, place) = (number / A_LOT, number % A_LOT);
    let drawn = walk::normal(
        [place + 1, channels, height, width],
        study.sd,
        &mut lot.nth(nth as u64).rng(),
    );
    drawn.narrow(0, place, 1)
}
