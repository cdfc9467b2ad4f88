//! The job `vae`: an autoencoder whose pictures come back close in colour and sharp at the edges.
//!
//! With `uses.vae` the decoder of that autoencoder is trained on while its latents stay what they are, so that a denoiser
//! of them is still one.

use burn::tensor::Tensor;
use serde::Deserialize;
use serde_json::json;

use super::workshop::Workshop;
use super::{Entry, examples, training};
use crate::error::{Error, Result};
use crate::networks::{Vae, VaeConfig};
use crate::train::StepRandom;
use crate::weights::{Weight, Weights};

/// The entry of the list.
pub(super) const ENTRY: Entry =
    Entry { name: "vae", about: "an autoencoder between pictures and latents", run };

/// The logarithm of the first variances.
const QUIET: f32 = -6.0;

/// The side of a patch whose mean colour is compared.
const PATCH: usize = 8;

/// How many examples the scale of the latents is measured on.
const MEASURED: usize = 512;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// Weight of the absolute difference.
    absolute: f64,
    /// Weight of the squared difference: large errors, such as a wrong colour, count most.
    squared: f64,
    /// Weight of the Kullback-Leibler term, per latent number.
    kl: f64,
    /// Weight of the difference between neighbouring pixels' differences, which keeps edges sharp.
    edges: f64,
    /// Weight of the difference in colour apart from brightness, and of the mean difference of patches of 8 × 8 pixels.
    /// Without it brightness is learned long before colour.
    colour: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { absolute: 1.0, squared: 0.5, kl: 1e-5, edges: 0.5, colour: 1.0 }
    }
}

fn run(shop: &mut Workshop<'_>) -> Result<()> {
    let settings: Settings = shop.recipe.settings()?;
    let path = shop.config_path();
    let vae = Vae::new(VaeConfig::from_json(&path, &shop.recipe.network)?);
    let (start, frozen) = begin(shop, &vae)?;
    let trained = training::learn(shop, start, batch, |weights, (pictures, random)| {
        Ok(loss(&vae, &frozen.overlaid(weights), pictures.clone(), random, &settings))
    })?;
    let whole = frozen.overlaid(&trained);
    let mut config = shop.recipe.network.clone();
    let factor = match frozen.is_empty() {
        true => json!(scaling_factor(shop, &vae, &whole)?),
        false => json!(shop.vae()?.1.config().scaling_factor),
    };
    config.insert("scaling_factor".into(), factor);
    config.insert("_class_name".into(), json!("AutoencoderKL"));
    shop.write_diffusers(config, "vae", &vae.shapes(), &whole)
}

/// What is trained, and what stays: with an autoencoder to go on from, everything that makes its latents.
fn begin(shop: &Workshop<'_>, vae: &Vae) -> Result<(Weights, Weights)> {
    if shop.recipe.uses.vae.is_none() {
        let zeros = [".conv2.weight", ".to_out.0.weight"];
        return Ok((awake(&shop.begin("vae", &vae.shapes(), &zeros), vae), Weights::new()));
    }
    let (_, known, weights) = shop.vae()?;
    if known.shapes() != vae.shapes() {
        let why = "describes another autoencoder than `uses.vae` holds";
        return Err(Error::setting("network", why, "write the same `[network]` as its recipe has"));
    }
    let decodes =
        |name: &str| name.starts_with("vae/decoder.") || name.starts_with("vae/post_quant");
    let part = |moves: bool| {
        let of = weights.iter().filter(|(name, _)| decodes(name) == moves);
        of.map(|(name, weight)| (name.clone(), weight.clone())).collect()
    };
    Ok((part(true), part(false)))
}

/// What lets an autoencoder this narrow learn colours early: convolutions keep the scale of what passes through them,
/// no bias drowns it before a normalisation, and latents begin with little noise on them.
fn awake(weights: &Weights, vae: &Vae) -> Weights {
    let quiet = vae.config().latent_channels;
    weights.map(|name, weight| {
        let values = weight.to_f32_vec();
        let values: Vec<f32> = match name {
            "vae/quant_conv.bias" => {
                (0..values.len()).map(|i| if i < quiet { 0.0 } else { QUIET }).collect()
            }
            _ if name.ends_with(".bias") => vec![0.0; values.len()],
            _ if weight.shape().len() == 4 => {
                values.into_iter().map(|value| value * 3f32.sqrt()).collect()
            }
            _ => return weight.clone(),
        };
        Weight::from_f32(values, weight.shape(), &weight.device(), weight.dtype())
    })
}

/// Pictures, and the step's random numbers for the noise on their latents.
fn batch(shop: &Workshop<'_>, random: &StepRandom) -> Result<(Tensor<4>, StepRandom)> {
    let examples = examples::gather(shop.examples, &shop.draw(random))?;
    let pictures = examples::pixels(examples.iter().map(|e| &e.picture), &shop.device)?;
    Ok((pictures, random.clone()))
}

fn loss(
    vae: &Vae,
    weights: &Weights,
    pictures: Tensor<4>,
    random: &StepRandom,
    settings: &Settings,
) -> Tensor<1> {
    let at = weights.scope("vae");
    let (mean, logvar) = vae.encode(&at, pictures.clone());
    let noise = random.noise("latents", mean.dims(), &pictures.device());
    let latents = mean.clone() + logvar.clone().mul_scalar(0.5).exp() * noise;
    let error = vae.decode(&at, latents) - pictures;
    let [_, _, height, width] = error.dims();
    let across = error.clone().narrow(3, 1, width - 1) - error.clone().narrow(3, 0, width - 1);
    let down = error.clone().narrow(2, 1, height - 1) - error.clone().narrow(2, 0, height - 1);
    let edges = across.abs().mean() + down.abs().mean();
    let kl = (mean.powi_scalar(2) + logvar.clone().exp() - logvar).mean() - 1.0;
    error.clone().abs().mean().mul_scalar(settings.absolute)
        + error.clone().powi_scalar(2).mean().mul_scalar(settings.squared)
        + edges.mul_scalar(settings.edges)
        + colours(error).mul_scalar(settings.colour)
        + kl.mul_scalar(0.5 * settings.kl)
}

/// How far colours are off: apart from brightness, and on the whole of each patch.
fn colours(error: Tensor<4>) -> Tensor<1> {
    let [batch, channels, height, width] = error.dims();
    let hue = error.clone() - error.clone().mean_dim(1);
    let (rows, columns) = (height / PATCH, width / PATCH);
    let kept = error.narrow(2, 0, rows * PATCH).narrow(3, 0, columns * PATCH);
    let patches = kept.reshape([batch * channels * rows, PATCH, columns, PATCH]);
    hue.abs().mean() + patches.mean_dim(3).mean_dim(1).abs().mean()
}

/// What latents are multiplied with so that their standard deviation is 1.
fn scaling_factor(shop: &Workshop<'_>, vae: &Vae, weights: &Weights) -> Result<f64> {
    let count = shop.examples.len().min(MEASURED);
    let (mut sum, mut squares, mut n) = (0.0, 0.0, 0.0);
    for chunk in (0..count).collect::<Vec<_>>().chunks(32) {
        let examples = examples::gather(shop.examples, chunk)?;
        let pictures = examples::pixels(examples.iter().map(|e| &e.picture), &shop.device)?;
        let (mean, _) = vae.encode(&weights.scope("vae"), pictures);
        for value in mean.into_data().iter::<f32>().map(f64::from) {
            (sum, squares, n) = (sum + value, squares + value * value, n + 1.0);
        }
    }
    let variance: f64 = squares / n - (sum / n) * (sum / n);
    Ok(1.0 / variance.sqrt())
}
