//! What the autoencoder knows of a picture: where its latents lie, and how far about.

use burn::tensor::Tensor;
use image::RgbImage;
use oubliette_model::{Weights, families::StableDiffusion};

use crate::{Result, lot::Rng, walk};

/// The distribution of one picture's latents, each part (1, channels, height, width) in f32 and scaled as the denoiser sees it.
#[derive(Debug, Clone)]
pub(crate) struct Encoded {
    pub(crate) mean: Tensor<4>,
    pub(crate) deviation: Tensor<4>,
}

impl Encoded {
    /// Encodes a picture.
    ///
    /// # Errors
    /// When its sides are no multiples of what the autoencoder needs.
    pub(crate) fn of(sd: &StableDiffusion, weights: &Weights, picture: RgbImage) -> Result<Self> {
        let (mean, deviation) = sd.encode_images(weights, &[picture])?;
        Ok(Self { mean, deviation })
    }

    /// A draw from the distribution, in the denoiser's number format.
    pub(crate) fn latents(&self, sd: &StableDiffusion, rng: &mut Rng) -> Tensor<4> {
        let unit = walk::normal(self.mean.dims(), sd, rng);
        // Pictures are encoded in f32, whatever the denoiser is held in.
        let [mean, deviation] =
            [&self.mean, &self.deviation].map(|part| part.clone().cast(unit.dtype()));
        mean + deviation * unit
    }
}
