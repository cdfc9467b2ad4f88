//! How much memory a picture wants while it is painted.

use crate::families::StableDiffusion;

/// Outputs of the widest layer at full size that the decoder holds at a time: measured.
const DECODING: usize = 3;
/// Outputs of the widest layer at full size that the denoiser holds at a time, for both rows of a guided picture: measured.
const DENOISING: usize = 16;

impl StableDiffusion {
    /// Bytes that one picture of the model's own size wants beside the weights, in `f32`: while it is decoded, or while it is
    /// denoised with guidance, whichever is more.
    pub fn picture_bytes(&self) -> u64 {
        let unet = self.unet.config();
        let (height, width) = unet.sample_size.unwrap_or((64, 64));
        let channels = &self.vae.config().block_out_channels;
        let scale = 1 << channels.len().saturating_sub(1);
        // The last level begins with what the one before it gave, at full size.
        let widest = channels.iter().take(2).max().copied().unwrap_or(0);
        let decoding = DECODING * widest * height * width * scale * scale;
        let denoising = 2 * DENOISING * unet.block_out_channels[0] * height * width;
        4 * decoding.max(denoising) as u64
    }
}
