//! Between tensors in -1..1 and pictures of 8 bits, rounded as diffusers rounds.

use burn::tensor::{DType, Device, Tensor, TensorData};
use image::RgbImage;

use crate::error::{Error, Result};
use crate::families::StableDiffusion;
use crate::weights::Weights;

/// Decoded pictures (batch, 3, height, width) in about -1..1, as 8-bit pictures. What is not a number becomes black.
///
/// # Panics
/// When there are not three channels.
pub fn to_pictures(decoded: Tensor<4>) -> Vec<RgbImage> {
    let [_, channels, height, width] = decoded.dims();
    assert_eq!(channels, 3, "pictures have three channels");
    let rows = decoded.permute([0, 2, 3, 1]).cast(DType::F32).into_data();
    let values: Vec<f32> = rows.try_into_vec().expect("the tensor was just cast to f32");
    // Rounds halves to even, as numpy does.
    let byte = |value: &f32| ((value / 2.0 + 0.5).clamp(0.0, 1.0) * 255.0).round_ties_even() as u8;
    let picture = |pixels: &[f32]| {
        let bytes = pixels.iter().map(byte).collect();
        RgbImage::from_raw(width as u32, height as u32, bytes).expect("three bytes a pixel")
    };
    values.chunks(3 * height * width).map(picture).collect()
}

/// Pictures of one size as (batch, 3, height, width) in -1..1.
///
/// # Errors
/// When there are none, or they differ in size.
pub fn to_pixels(pictures: &[RgbImage], device: &Device) -> Result<Tensor<4>> {
    let Some(size) = pictures.first().map(RgbImage::dimensions) else {
        return Err(Error::setting("pictures", "are none", "give at least one"));
    };
    if let Some(other) = pictures.iter().map(RgbImage::dimensions).find(|other| *other != size) {
        let why = format!("are of {} x {} and of {} x {} pixels", size.0, size.1, other.0, other.1);
        return Err(Error::setting("pictures", why, "scale them to one size"));
    }
    let values: Vec<f32> = pictures
        .iter()
        .flat_map(|picture| picture.as_raw())
        .map(|b| f32::from(*b) / 127.5 - 1.0)
        .collect();
    let data = TensorData::new(values, [pictures.len(), size.1 as usize, size.0 as usize, 3]);
    Ok(Tensor::<4>::from_data(data, device).permute([0, 3, 1, 2]))
}

impl StableDiffusion {
    /// Latents as the denoiser sees them, (pictures, channels, height, width), to pictures.
    ///
    /// # Errors
    /// When what the autoencoder computes is not finite.
    pub fn decode_pictures(&self, weights: &Weights, latents: Tensor<4>) -> Result<Vec<RgbImage>> {
        let decoded = self.decode_latents(weights, latents.cast(self.latent_dtype(weights)));
        self.must_be_finite(&decoded, "the pictures that its autoencoder decodes")?;
        Ok(to_pictures(decoded))
    }

    /// Pictures of one size to the mean and the standard deviation of their latents, both scaled as the denoiser sees
    /// them: (pictures, channels, height, width). A sample is `mean + deviation * noise`.
    ///
    /// # Errors
    /// When the pictures differ in size, or their sides are no multiples of what the autoencoder needs.
    pub fn encode_images(
        &self,
        weights: &Weights,
        pictures: &[RgbImage],
    ) -> Result<(Tensor<4>, Tensor<4>)> {
        let pixels = to_pixels(pictures, self.device())?;
        let (config, [_, _, height, width]) = (self.vae.config(), pixels.dims());
        let unit = config.downscale();
        if height % unit != 0 || width % unit != 0 {
            let why = format!("are of {width} x {height} pixels");
            return Err(Error::setting(
                "pictures",
                why,
                format!("scale them to multiples of {unit}"),
            ));
        }
        let dtype =
            weights.get("vae/encoder.conv_in.weight").map_or(DType::F32, crate::Weight::dtype);
        let (mean, log_variance) = self.encode_pictures(weights, pixels.cast(dtype));
        let (mean, log_variance) = (mean.cast(DType::F32), log_variance.cast(DType::F32));
        let scale = config.scaling_factor;
        Ok((mean * scale, (log_variance * 0.5).exp() * scale))
    }
}
