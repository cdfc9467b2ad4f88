//! The job `unet`: a denoiser of latents that listens to captions.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::Rng;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::workshop::Workshop;
use super::{Entry, examples, training};
use crate::error::Result;
use crate::networks::{UNet, UNetConfig};
use crate::schedule::{NoiseSchedule, Prediction, ScheduleConfig};
use crate::train::{Noisy, StepRandom};
use crate::weights::Weights;

/// The entry of the list.
pub(super) const ENTRY: Entry =
    Entry { name: "unet", about: "a denoiser of latents that listens to captions", run };

/// Pictures that are encoded at once.
const ENCODED: usize = 32;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// The noise schedule: keys of `scheduler_config.json`.
    schedule: Map<String, Value>,
    /// The share of examples whose caption is left empty, for classifier-free guidance.
    unconditional: f64,
    /// The largest signal-to-noise ratio that counts in full (Hang et al. 2023, arXiv 2303.09556); 0 weighs all times
    /// alike.
    min_snr: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { schedule: Map::new(), unconditional: 0.1, min_snr: 0.0 }
    }
}

/// All examples as the denoiser sees them, made once.
struct Encoded {
    /// (examples, channels · side²) each.
    means: Tensor<2>,
    deviations: Tensor<2>,
    /// Channels, height and width of latents.
    latent: [usize; 3],
    /// (captions, tokens, width); the first is the empty caption's.
    contexts: Tensor<3>,
    /// The caption of each example.
    captions: Vec<i64>,
}

/// What one step is made from.
struct Batch {
    noisy: Noisy,
    context: Tensor<3>,
    /// (batch, 1, 1, 1)
    weight: Tensor<4>,
}

fn run(shop: &mut Workshop<'_>) -> Result<()> {
    let settings: Settings = shop.recipe.settings()?;
    let path = shop.config_path();
    let schedule = Value::Object(settings.schedule.clone()).to_string();
    let schedule = NoiseSchedule::new(&ScheduleConfig::parse(schedule.as_bytes(), &path)?)?;
    let unet = UNet::new(UNetConfig::from_json(&path, &shop.recipe.network)?);
    let encoded = encode(shop)?;
    let zeros = [".conv2.weight", ".proj_out.weight", "conv_out.weight"];
    let start = shop.begin("unet", &unet.shapes(), &zeros);
    let trained = training::learn(
        shop,
        start,
        |shop, random| Ok(batch(shop, random, &encoded, &schedule, &settings)),
        |weights, batch| Ok(loss(&unet, weights, batch)),
    )?;
    let mut config = shop.recipe.network.clone();
    config.insert("_class_name".into(), json!("UNet2DConditionModel"));
    shop.write_diffusers(config, "unet", &unet.shapes(), &trained)
}

/// Encodes every example's picture and every caption once.
fn encode(shop: &mut Workshop<'_>) -> Result<Encoded> {
    let (_, vae, weights) = shop.vae()?;
    let scale = vae.config().scaling_factor;
    let (mut means, mut deviations, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    let (mut latent, total) = ([0; 3], shop.examples.len());
    for chunk in (0..total).collect::<Vec<_>>().chunks(ENCODED) {
        let examples = examples::gather(shop.examples, chunk)?;
        let pictures = examples::pixels(examples.iter().map(|e| &e.picture), &shop.device)?;
        let (mean, logvar) = vae.encode(&weights.scope("vae"), pictures);
        let [count, channels, height, width] = mean.dims();
        latent = [channels, height, width];
        let row = [count, channels * height * width];
        means.push(mean.mul_scalar(scale).reshape(row));
        deviations.push(logvar.mul_scalar(0.5).exp().mul_scalar(scale).reshape(row));
        texts.extend(examples.into_iter().map(|e| e.caption));
        shop.tell("encoding pictures", texts.len() as u64, total as u64, None)?;
    }
    let (contexts, captions) = contexts(shop, &texts)?;
    let (means, deviations) = (Tensor::cat(means, 0), Tensor::cat(deviations, 0));
    Ok(Encoded { means, deviations, latent, contexts, captions })
}

/// What the text encoder makes of each distinct caption, the empty one first; and each example's caption by number.
fn contexts(shop: &Workshop<'_>, texts: &[String]) -> Result<(Tensor<3>, Vec<i64>)> {
    let (_, clip) = shop.clip()?;
    let at = clip.weights.scope("clip");
    let distinct: BTreeSet<&str> =
        texts.iter().map(String::as_str).filter(|t| !t.is_empty()).collect();
    let all: Vec<String> = std::iter::once("").chain(distinct).map(str::to_owned).collect();
    let number: BTreeMap<&str, i64> = all.iter().map(String::as_str).zip(0..).collect();
    let mut contexts = Vec::new();
    for chunk in all.chunks(256) {
        let ids = examples::tokens(&clip.tokenizer, chunk, &shop.device)?;
        contexts.push(clip.network.text().forward(&at, ids).last_hidden);
    }
    let captions = texts.iter().map(|text| number[text.as_str()]).collect();
    Ok((Tensor::cat(contexts, 0), captions))
}

fn batch(
    shop: &Workshop<'_>,
    random: &StepRandom,
    all: &Encoded,
    schedule: &NoiseSchedule,
    settings: &Settings,
) -> Batch {
    let (chosen, device) = (shop.draw(random), &shop.device);
    let mut dropped = random.of("captions");
    let caption = |index: &usize| {
        if dropped.random_bool(settings.unconditional) { 0 } else { all.captions[*index] }
    };
    let captions = index(chosen.iter().map(caption).collect(), device);
    let rows = index(chosen.iter().map(|i| *i as i64).collect(), device);
    let [channels, height, width] = all.latent;
    let shape = [chosen.len(), channels, height, width];
    let mean = all.means.clone().select(0, rows.clone()).reshape(shape);
    let deviation = all.deviations.clone().select(0, rows).reshape(shape);
    let clean = mean + deviation * random.noise("latents", shape, device);
    let times = random.times(chosen.len(), schedule.len());
    let weight = weight(&times, schedule, settings.min_snr, device);
    let noisy = Noisy::new(schedule, clean, random.noise("noise", shape, device), times);
    Batch { noisy, context: all.contexts.clone().select(0, captions), weight }
}

fn index(values: Vec<i64>, device: &Device) -> Tensor<1, Int> {
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), device)
}

/// The min-SNR weight of each time for what the model predicts.
fn weight(times: &[usize], schedule: &NoiseSchedule, most: f32, device: &Device) -> Tensor<4> {
    let of = |time: &usize| {
        let alpha = schedule.alphas_cumprod()[*time];
        let ratio = alpha / (1.0 - alpha).max(1e-8);
        let capped = ratio.min(most);
        match schedule.prediction() {
            _ if most == 0.0 => 1.0,
            Prediction::Epsilon => capped / ratio.max(1e-8),
            Prediction::Velocity => capped / (ratio + 1.0),
            Prediction::Sample => capped,
        }
    };
    let values: Vec<f32> = times.iter().map(of).collect();
    Tensor::from_data(TensorData::new(values, [times.len(), 1, 1, 1]), device)
}

fn loss(unet: &UNet, weights: &Weights, batch: &Batch) -> Tensor<1> {
    let (x, context) = (batch.noisy.x.clone(), batch.context.clone());
    let times: Vec<f32> = batch.noisy.times.iter().map(|time| *time as f32).collect();
    let times = Tensor::from_floats(&times[..], &x.device());
    let predicted = unet.forward(&weights.scope("unet"), x, times, context);
    let error = predicted - batch.noisy.target.clone();
    (error.powi_scalar(2) * batch.weight.clone()).mean()
}
