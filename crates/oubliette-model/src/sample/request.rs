//! What one picture is asked to be.

use std::sync::Arc;

use super::Given;
use super::guidance::{self, Guidance};
use crate::error::{Error, Result};
use crate::families::StableDiffusion;
use crate::schedule::Steps;

/// One picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What it should show.
    pub prompt: String,
    /// What guidance leads away from; empty by default.
    pub negative: String,
    /// The guidance scale; at 1 the unconditional pass is left out.
    pub guidance: f32,
    /// Denoising steps.
    pub steps: usize,
    /// DDIM's share of fresh noise; other samplers do not read it.
    pub eta: f32,
    /// The seed of the first latents and of every step's noise.
    pub seed: u64,
    /// Height and width in pixels; the model's own where none is given.
    pub size: Option<(usize, usize)>,
    /// Latents and noise from elsewhere, in the place of the seed's.
    pub given: Option<Arc<Given>>,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            prompt: String::new(),
            negative: String::new(),
            guidance: 7.5,
            steps: 50,
            eta: 0.0,
            seed: 0,
            size: None,
            given: None,
        }
    }
}

/// Height and width of latents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// What requests of one batch have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    /// Under how many texts a picture is predicted.
    pub(super) slots: usize,
    steps: usize,
    eta: u32,
}

impl Kind {
    pub(super) fn steps(self) -> Steps {
        Steps { count: self.steps, eta: f32::from_bits(self.eta) }
    }
}

impl Request {
    pub(super) fn kind(&self, policy: Option<&Guidance>) -> Kind {
        let slots = guidance::texts(policy, self).len();
        Kind { slots, steps: self.steps, eta: self.eta.to_bits() }
    }

    /// Height and width of the latents.
    pub(super) fn latent_size(&self, model: &StableDiffusion) -> Result<Size> {
        if !self.guidance.is_finite() {
            return Err(Error::setting(
                "guidance",
                format!("is {}", self.guidance),
                "give a finite number",
            ));
        }
        let (scale, config) = (model.vae.config().downscale(), model.unet.config());
        let unit = scale << (config.block_out_channels.len() - 1);
        let (height, width) = match (self.size, config.sample_size) {
            (Some(size), _) => size,
            (None, Some((height, width))) => (height * scale, width * scale),
            (None, None) => (64 * scale, 64 * scale),
        };
        let fits = |side: usize| side > 0 && side.is_multiple_of(unit) && side <= 4096;
        if !(fits(height) && fits(width)) {
            let why = format!("is {height} x {width} pixels");
            return Err(Error::setting(
                "size",
                why,
                format!("give multiples of {unit} up to 4096"),
            ));
        }
        Ok(Size { height: height / scale, width: width / scale })
    }
}
