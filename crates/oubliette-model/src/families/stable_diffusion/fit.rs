//! Whether the networks of a folder fit each other: what one gives must be what the next one takes.

use super::{UNET, VAE};
use crate::error::{Error, Result};
use crate::networks::{ClipText, UNet, Vae};
use crate::store::Folder;

/// Channels of a picture: red, green and blue.
const COLOURS: usize = 3;

/// Refuses networks of different models, and models that make something else than pictures from text.
pub(super) fn check(folder: &Folder, unet: &UNet, vae: &Vae, text: &ClipText) -> Result<()> {
    check_widths(folder, unet, text)?;
    check_latents(folder, unet, vae)?;
    check_colours(folder, vae)
}

/// The denoiser must look at tokens as wide as the text encoder makes them.
fn check_widths(folder: &Folder, unet: &UNet, text: &ClipText) -> Result<()> {
    let width = text.config().width;
    let wanted = &unet.config().cross_attention_dim;
    if wanted.iter().all(|&wanted| wanted == width) {
        return Ok(());
    }
    let why = format!("is {wanted:?}, the text encoder's width {width}");
    let remedy = "put components together that belong together";
    Err(refusal(folder, UNET, "cross_attention_dim", why, remedy))
}

/// The denoiser must take latents as the autoencoder makes them, and give such latents back.
fn check_latents(folder: &Folder, unet: &UNet, vae: &Vae) -> Result<()> {
    let (unet, latent) = (unet.config(), vae.config().latent_channels);
    let Some((key, channels)) = other([unet.in_channels, unet.out_channels], latent) else {
        return Ok(());
    };
    let why = format!("is {channels}, a latent of the autoencoder has {latent} channels");
    let remedy =
        "use a text-to-image model; inpainting, depth and editing models take more channels";
    Err(refusal(folder, UNET, key, why, remedy))
}

/// The autoencoder must be one of colour pictures.
fn check_colours(folder: &Folder, vae: &Vae) -> Result<()> {
    let vae = vae.config();
    let Some((key, channels)) = other([vae.in_channels, vae.out_channels], COLOURS) else {
        return Ok(());
    };
    let why = format!("is {channels}, a picture has {COLOURS} channels");
    Err(refusal(folder, VAE, key, why, "use a text-to-image model of colour pictures"))
}

/// The first of the channels in and out that are not as many as `wanted`, with their key.
fn other(channels: [usize; 2], wanted: usize) -> Option<(&'static str, usize)> {
    let mut counts = ["in_channels", "out_channels"].into_iter().zip(channels);
    counts.find(|(_, channels)| *channels != wanted)
}

fn refusal(folder: &Folder, component: &str, key: &str, why: String, remedy: &str) -> Error {
    Error::config(&folder.root().join(component).join("config.json"), key, why, remedy)
}
