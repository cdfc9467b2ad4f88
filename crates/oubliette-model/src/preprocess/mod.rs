//! From pictures to what a classifier or CLIP sees: resize, crop, scale, normalise.
//!
//! Follows transformers' image processors with their Pillow backend, rounding included.

mod config;
mod crop;
mod resize;

use burn::tensor::{DType, Device, Tensor, TensorData};
use image::{RgbImage, imageops};

pub use config::{Preprocessor, Target};
pub use resize::Filter;

use crop::middle;
use resize::{Axis, resize};

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

    /// Width and height that every picture ends up with; none where they depend on the picture.
    pub fn final_size(&self) -> Option<(u32, u32)> {
        let resized = self.resize.and_then(|(target, _)| match target {
            Target::Exact(width, height) => Some((width, height)),
            Target::Shortest(_) => None,
        });
        self.crop.or(resized)
    }

    /// Resizes and crops, still in whole levels. Of a resized picture, no more is made than the crop keeps.
    fn fit(&self, picture: &RgbImage) -> RgbImage {
        let have = picture.dimensions();
        let resized = self.resize.map_or(have, |(target, _)| target.size(have.0, have.1));
        let (width, height) = self.crop.unwrap_or(resized);
        let (across, down) = (middle(resized.0, width), middle(resized.1, height));
        let (x, y) = (i64::from(across.at), i64::from(down.at));
        let across = Axis { size: resized.0, wanted: across.pixels };
        let down = Axis { size: resized.1, wanted: down.pixels };
        // Without a resize, both axes keep their size, and nothing is mixed.
        let filter = self.resize.map_or(Filter::Bilinear, |(_, filter)| filter);
        let part = resize(picture, &across, &down, filter);
        if part.dimensions() == (width, height) {
            return part;
        }
        let mut padded = RgbImage::new(width, height);
        imageops::replace(&mut padded, &part, x, y);
        padded
    }

    fn value(&self, level: u8, channel: usize) -> f32 {
        let value = self.rescale.map_or(f32::from(level), |factor| {
            // The reference multiplies in f64 and then rounds.
            (f64::from(level) * factor) as f32
        });
        self.normalise.map_or(value, |(mean, std)| (value - mean[channel]) / std[channel])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(width: u32, height: u32) -> RgbImage {
        let level = |x: u32, y: u32, c: u32| ((x * 37 + y * 101 + c * 59) * (x + 3 * y + 7)) as u8;
        RgbImage::from_fn(width, height, |x, y| image::Rgb([0, 1, 2].map(|c| level(x, y, c))))
    }

    fn clip(side: u32, crop: Option<u32>, filter: Filter) -> Preprocessor {
        Preprocessor {
            resize: Some((Target::Shortest(side), filter)),
            crop: crop.map(|side| (side, side)),
            rescale: None,
            normalise: None,
        }
    }

    #[test]
    fn a_part_has_the_bits_of_the_whole() {
        for filter in [Filter::Bilinear, Filter::Bicubic] {
            for (width, height) in [(17, 90), (90, 17), (16, 71), (5, 9), (40, 16), (33, 33)] {
                let picture = noise(width, height);
                let whole = clip(16, None, filter).fit(&picture);
                let (left, top) = ((whole.width() - 12) / 2, (whole.height() - 12) / 2);
                let cut = imageops::crop_imm(&whole, left, top, 12, 12).to_image();
                assert!(clip(16, Some(12), filter).fit(&picture) == cut, "{width} x {height}");
            }
        }
    }

    #[test]
    fn what_a_crop_lacks_is_black() {
        let padded =
            clip(4, Some(7), Filter::Bicubic).fit(&RgbImage::from_pixel(4, 9, image::Rgb([9; 3])));
        let lit = |x: u32| (2..6).contains(&x);
        assert!(
            padded.enumerate_pixels().all(|(x, _, pixel)| pixel.0 == [9 * u8::from(lit(x)); 3])
        );
    }

    /// The whole would be 2 GiB.
    #[test]
    fn a_thin_line_costs_no_memory() {
        let line = RgbImage::from_pixel(1, 16_384, image::Rgb([200, 100, 50]));
        let fitted = clip(224, Some(224), Filter::Bicubic).fit(&line);
        assert_eq!(fitted.dimensions(), (224, 224));
        assert!(fitted.pixels().all(|pixel| pixel.0 == [200, 100, 50]));
    }
}
