//! From pictures to what a classifier or CLIP sees: resize, crop, scale, normalise.
//!
//! Follows transformers' image processors with their Pillow backend, rounding included.

mod config;
mod crop;
mod resize;

use burn::tensor::{DType, Device, Tensor, TensorData};
use image::RgbImage;

pub use config::{Preprocessor, Target};
pub use resize::{Filter, resize};

use crop::center_crop;

impl Preprocessor {
    /// Pictures of any sizes to (batch, 3, height, width).
    ///
    /// # Panics
    /// When the pictures end up with different sizes, which they can without a fixed size or crop.
    pub fn prepare(&self, pictures: &[RgbImage], device: &Device) -> Tensor<4> {
        let prepared: Vec<RgbImage> = pictures.iter().map(|picture| self.fit(picture)).collect();
        let (width, height) = prepared.first().map_or((0, 0), RgbImage::dimensions);
        let size = width as usize * height as usize;
        let mut values = Vec::with_capacity(prepared.len() * 3 * size);
        for picture in &prepared {
            assert_eq!(
                picture.dimensions(),
                (width, height),
                "pictures of one batch differ in size"
            );
            for channel in 0..3 {
                values.extend(picture.pixels().map(|pixel| self.value(pixel.0[channel], channel)));
            }
        }
        let shape = [prepared.len(), 3, height as usize, width as usize];
        Tensor::from_data(TensorData::new(values, shape), (device, DType::F32))
    }

    /// Resizes and crops, still in whole levels.
    fn fit(&self, picture: &RgbImage) -> RgbImage {
        let (width, height) = picture.dimensions();
        let resized = self.resize.map(|(target, filter)| {
            let (width, height) = target.size(width, height);
            resize(picture, width, height, filter)
        });
        let resized = resized.unwrap_or_else(|| picture.clone());
        match self.crop {
            Some((width, height)) => center_crop(&resized, width, height),
            None => resized,
        }
    }

    fn value(&self, level: u8, channel: usize) -> f32 {
        let value = self.rescale.map_or(f32::from(level), |factor| {
            // The reference multiplies in f64 and then rounds.
            (f64::from(level) * factor) as f32
        });
        self.normalise.map_or(value, |(mean, std)| (value - mean[channel]) / std[channel])
    }
}
