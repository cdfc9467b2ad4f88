//! A folder of captioned pictures, noised at random times: what diffusion models are trained on.

use std::path::{Path, PathBuf};

use burn::tensor::Tensor;
use oubliette_evidence::Concept;
use oubliette_model::{Weights, families::StableDiffusion};
use rand::{Rng as _, seq::IndexedRandom as _};
use serde::{Deserialize, Serialize};

use super::{Batch, Source, Stateful, check_rows};
use crate::{
    Card, Entry, Error, Result, Study,
    captions::{self, Captioned},
    encoded::Encoded,
    geometry,
    lot::Lot,
    picture, walk,
};

pub(super) const ENTRY: Entry<dyn Source> = Entry::of::<Pictures>(Card {
    name: "pictures",
    what: "Takes captioned pictures from a folder, encodes them and adds noise at uniformly drawn times.",
    cost: "one encoding of every picture, kept in memory",
    broken_by: "few pictures: the model learns them by heart",
    source: "the diffusers text-to-image training script",
    differs: "captions are dropped with probability `unconditional` (0 unless set)",
    ..Card::BLANK
});

/// Settings, and what was read and encoded of the folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pictures {
    /// The folder, in Hugging Face's imagefolder layout.
    pub folder: PathBuf,
    /// Rows of a step.
    #[serde(default = "one")]
    pub batch: usize,
    /// How often a row is shown under the empty caption.
    #[serde(default)]
    pub unconditional: f64,
    #[serde(skip)]
    all: Vec<(String, Encoded)>,
}

fn one() -> usize {
    1
}

impl Pictures {
    /// `batch` pictures a step from `folder`.
    pub fn new(folder: impl Into<PathBuf>, batch: usize) -> Self {
        Self { folder: folder.into(), batch, unconditional: 0.0, all: Vec::new() }
    }

    fn load(&mut self, sd: &StableDiffusion, weights: &Weights) -> Result<()> {
        if self.all.is_empty() {
            let set = captions::read(&self.folder)?;
            self.all = set.iter().map(|one| encode(sd, weights, one)).collect::<Result<_>>()?;
        }
        Ok(())
    }
}

/// A caption, and what is known of its picture.
fn encode(sd: &StableDiffusion, weights: &Weights, one: &Captioned) -> Result<(String, Encoded)> {
    let (width, height) = geometry::picture(sd);
    let picture = picture::cover(&captions::open(one)?, width, height);
    Ok((one.caption.clone(), Encoded::of(sd, weights, picture)?))
}

impl Stateful for Pictures {}

impl Source for Pictures {
    fn is_pictured(&self) -> bool {
        true
    }

    fn folder(&self) -> Option<&Path> {
        Some(&self.folder)
    }

    fn rows(&self) -> usize {
        self.batch.max(1)
    }

    fn check(&self) -> Result<()> {
        check_rows(self.batch)?;
        match (0.0..=1.0).contains(&self.unconditional) {
            true => Ok(()),
            false => {
                let thing = format!("`unconditional` is {}", self.unconditional);
                Err(Error::in_method(&thing, "choose a share from 0 to 1"))
            }
        }
    }

    fn batch(
        &mut self,
        study: &Study<'_>,
        _concepts: &[Concept],
        _student: &Weights,
        step: u64,
        lot: &Lot,
    ) -> Result<Batch> {
        self.load(study.sd, study.original)?;
        let mut rng = lot.nth(step).rng();
        let (mut rows, mut prompts) = (Vec::new(), Vec::new());
        for _ in 0..self.batch.max(1) {
            let Some((caption, picture)) = self.all.choose(&mut rng) else { break };
            rows.push(picture.latents(study.sd, &mut rng));
            let dropped = rng.random_bool(self.unconditional.clamp(0.0, 1.0));
            prompts.push(if dropped { String::new() } else { caption.clone() });
        }
        walk::noised(study.sd, Tensor::cat(rows, 0), prompts, &mut rng)
    }
}
