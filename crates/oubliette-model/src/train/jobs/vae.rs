//! The job `vae`: an autoencoder whose pictures come back close in colour and sharp at the edges.

use burn::tensor::Tensor;
use serde::Deserialize;
use serde_json::json;

use super::workshop::Workshop;
use super::{Entry, examples, training};
use crate::error::Result;
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
        Self { kl: 1e-5, edges: 0.5, colour: 1.0 }
    }
}

fn run(shop: &mut Workshop<'_>) -> Result<()> {
    let settings: Settings = shop.recipe.settings()?;
    let path = shop.config_path();
    let vae = Vae::new(VaeConfig::from_json(&path, &shop.recipe.network)?);
    let zeros = [".conv2.weight", ".to_out.0.weight"];
    let start = quiet(shop.begin("vae", &vae.shapes(), &zeros), &vae);
    let trained = training::learn(shop, start, batch, |weights, (pictures, random)| {
        Ok(loss(&vae, weights, pictures.clone(), random, &settings))
    })?;
    let mut config = shop.recipe.network.clone();
    config.insert("scaling_factor".into(), json!(scaling_factor(shop, &vae, &trained)?));
    config.insert("_class_name".into(), json!("AutoencoderKL"));
    shop.write_diffusers(config, "vae", &vae.shapes(), &trained)
}

/// Latents begin with little noise on them: as much as a fresh network's would have drowns what it says at first.
fn quiet(mut weights: Weights, vae: &Vae) -> Weights {
    let name = "vae/quant_conv.bias";
    if let Some(bias) = weights.remove(name) {
        let half = vae.config().latent_channels;
        let begin = |(i, value)| if i < half { value } else { QUIET };
        let values = bias.to_f32_vec().into_iter().enumerate().map(begin).collect();
        weights.insert(name, Weight::from_f32(values, bias.shape(), &bias.device(), bias.dtype()));
    }
    weights
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
    error.clone().abs().mean()
        + error.clone().powi_scalar(2).mean().mul_scalar(0.5)
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
