//! Pictures encoded once each, whatever the number of steps that show them.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use image::RgbImage;
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::families::StableDiffusion;
use crate::weights::Weights;

/// Means and deviations of pictures' latents by the pictures' content. It is good for one autoencoder.
#[derive(Clone, Debug, Default)]
pub struct LatentCache {
    encoded: BTreeMap<[u8; 32], (Tensor<4>, Tensor<4>)>,
}

impl LatentCache {
    /// Means and deviations of the latents of pictures of one size, (pictures, channels, height, width) each, scaled as
    /// the denoiser sees them.
    ///
    /// # Errors
    /// When the pictures differ in size or their sides do not suit the autoencoder.
    pub fn get(
        &mut self,
        model: &StableDiffusion,
        weights: &Weights,
        pictures: &[RgbImage],
    ) -> Result<(Tensor<4>, Tensor<4>)> {
        let keys: Vec<[u8; 32]> = pictures.iter().map(content).collect();
        let mut rows = Vec::with_capacity(pictures.len());
        for (key, picture) in keys.iter().zip(pictures) {
            // One at a time: the bits of a picture's latents do not depend on what else is encoded.
            let row = match self.encoded.get(key) {
                Some(row) => row.clone(),
                None => model.encode_images(weights, std::slice::from_ref(picture))?,
            };
            self.encoded.insert(*key, row.clone());
            rows.push(row);
        }
        let (means, deviations) = rows.into_iter().unzip();
        Ok((Tensor::cat(means, 0), Tensor::cat(deviations, 0)))
    }

    /// How many pictures are held.
    pub fn len(&self) -> usize {
        self.encoded.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.encoded.is_empty()
    }
}

fn content(picture: &RgbImage) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(picture.width().to_le_bytes());
    hash.update(picture.height().to_le_bytes());
    hash.update(picture.as_raw());
    hash.finalize().into()
}
