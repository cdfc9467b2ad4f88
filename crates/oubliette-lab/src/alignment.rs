//! How well a picture agrees with a text: the cosine of their embeddings in a CLIP model.

use std::path::Path;

use burn::tensor::Device;
use image::RgbImage;
use oubliette_model::families::Clip;

use crate::Result;

/// Scores pictures against texts.
pub trait Aligner {
    /// One cosine per picture with its own text, -1 to 1.
    ///
    /// # Errors
    /// When a text cannot be tokenised.
    fn cosines(&self, pictures: &[RgbImage], texts: &[&str]) -> Result<Vec<f64>>;
}

/// A CLIP model that is ready to score.
pub struct ClipAligner {
    clip: Clip,
    device: Device,
}

impl ClipAligner {
    /// Loads a `CLIPModel` folder.
    ///
    /// # Errors
    /// When it is no such folder.
    pub fn load(folder: &Path, device: &Device) -> Result<Self> {
        Ok(Self { clip: Clip::load(folder, device)?, device: device.clone() })
    }
}

impl Aligner for ClipAligner {
    fn cosines(&self, pictures: &[RgbImage], texts: &[&str]) -> Result<Vec<f64>> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let texts = self.clip.text_embeddings(&texts, &self.device)?;
        // Both are of length one, so the sum of products is the cosine.
        let products = self.clip.image_embeddings(pictures, &self.device) * texts;
        let cosines = products.sum_dim(1).into_data().convert::<f32>();
        let cosines: Vec<f32> = cosines.try_into_vec().expect("just converted");
        Ok(cosines.into_iter().map(|cosine| f64::from(cosine).clamp(-1.0, 1.0)).collect())
    }
}
