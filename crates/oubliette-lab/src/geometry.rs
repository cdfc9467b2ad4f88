//! The sizes of a model's pictures and latents.

use oubliette_model::families::StableDiffusion;

/// Channels, height and width of the latents that the denoiser was made for.
pub(crate) fn latents(sd: &StableDiffusion) -> [usize; 3] {
    let config = sd.unet.config();
    let (height, width) = config.sample_size.unwrap_or((64, 64));
    [config.in_channels, height, width]
}

/// Width and height of the pictures that the denoiser was made for.
pub(crate) fn picture(sd: &StableDiffusion) -> (u32, u32) {
    let [_, height, width] = latents(sd).map(|side| side * sd.vae.config().downscale());
    (width as u32, height as u32)
}
