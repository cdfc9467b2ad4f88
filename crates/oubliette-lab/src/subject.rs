//! A model under study: what an examiner may do with it, and nothing about how it came to be.

mod painter;

pub(crate) use painter::digest_of;
pub use painter::{Painter, Tuned};

use std::path::Path;

use image::RgbImage;
use oubliette_evidence::{Digest, event::Trained, plan::PlannedSampling};

use crate::{Result, progress::Watch, tuning::Tuning};

/// One picture that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The text.
    pub prompt: String,
    /// The picture's own seed.
    pub seed: u64,
    /// Guidance of its own; absent: the plan's.
    pub guidance: Option<f64>,
}

/// A model that can be asked for pictures and trained further.
pub trait Subject {
    /// What it is, by content.
    fn digest(&self) -> Digest;

    /// One picture for every request. A picture depends on its own request only.
    ///
    /// # Errors
    /// When sampling fails.
    fn paint(&self, asked: &[Asked], sampling: &PlannedSampling) -> Result<Vec<RgbImage>>;

    /// The subject after `steps` steps of further training on the captioned pictures in `data`, from
    /// training seed `seed`.
    ///
    /// # Errors
    /// When the data cannot be read, or training diverges or is interrupted.
    fn tuned(
        &self,
        tuning: &Tuning,
        data: &Path,
        steps: u64,
        seed: u64,
        bench: &mut Bench<'_>,
    ) -> Result<Box<dyn Subject>>;

    /// The mean denoising loss on captioned pictures, with their captions and with none.
    ///
    /// Nothing for subjects that do not denoise.
    ///
    /// # Errors
    /// When the pictures cannot be read.
    fn denoising(&self, _pictures: &Path, _seed: u64) -> Result<Option<Denoising>> {
        Ok(None)
    }
}

/// Mean losses on the same noised pictures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Denoising {
    /// Under the captions.
    pub captioned: f64,
    /// Under the empty caption.
    pub empty: f64,
    /// How many noised pictures the means are over.
    pub count: u32,
}

/// Where attacks work: a folder for what they train, and who is told about it.
pub struct Bench<'a> {
    /// The folder that relative paths of the recipe start from.
    pub base: &'a Path,
    /// A folder that survives interruptions and may be removed after the run.
    pub folder: &'a Path,
    /// What the training run is called in events.
    pub unit: String,
    /// Told after every step.
    pub watch: &'a mut Watch<'a>,
    /// Checkpoints that were reached, for the event log.
    pub trained: Vec<Trained>,
}
