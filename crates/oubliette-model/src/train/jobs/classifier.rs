//! The job `classifier`: a judge that names what a picture shows, and says so when it shows nothing it knows.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::{Device, Int, Tensor, TensorData};
use image::{RgbImage, imageops};
use oubliette_kernels::softmax_cross_entropy;
use rand::Rng;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::workshop::Workshop;
use super::{Entry, examples, training};
use crate::error::{Error, Result};
use crate::families::Classifier;
use crate::networks::{Vae, Vit};
use crate::store::Config;
use crate::train::StepRandom;
use crate::weights::Weights;

/// The entry of the list.
pub(super) const ENTRY: Entry =
    Entry { name: "classifier", about: "a judge that names what a picture shows", run };

/// Into how many tiles along each side a picture is cut before they are mixed.
const TILES: u32 = 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// Which of the examples' labels is learned.
    label: String,
    /// The label of pictures that show none of the others; empty where every picture shows one.
    nothing: String,
    /// The share of examples that are made unrecognisable and labelled `nothing`.
    spoiled: f64,
    /// The share of pictures that are seen through the autoencoder of `uses.vae`.
    reconstructed: f64,
    /// The most noise on a reconstructed picture's latents, in their standard deviations.
    noise: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            label: "object".into(),
            nothing: String::new(),
            spoiled: 0.0,
            reconstructed: 0.0,
            noise: 0.3,
        }
    }
}

struct Batch {
    pictures: Tensor<4>,
    targets: Tensor<1, Int>,
}

/// The numbered labels, and which examples have one.
struct Lesson {
    numbers: BTreeMap<String, i64>,
    usable: Vec<usize>,
    settings: Settings,
}

fn run(shop: &mut Workshop<'_>) -> Result<()> {
    let lesson = lesson(shop)?;
    let network = config(&shop.recipe.network, &lesson.numbers);
    let vit = Vit::from_json(&shop.config_path(), &network)?;
    let eye = if lesson.settings.reconstructed > 0.0 { Some(shop.vae()?) } else { None };
    let start = shop.begin("vit", &vit.shapes(), &[]);
    let trained = training::learn(
        shop,
        start,
        |shop, random| batch(shop, random, &lesson, eye.as_ref()),
        |weights, batch| {
            let logits = vit.logits(&weights.scope("vit"), batch.pictures.clone());
            Ok(softmax_cross_entropy(logits, batch.targets.clone()))
        },
    )?;
    let preprocessing = preprocessing(vit.patches.image_size);
    let config = Value::Object(network);
    Classifier::write(&shop.destination(), &config, &preprocessing, &trained, shop.recipe.precision)
}

fn lesson(shop: &Workshop<'_>) -> Result<Lesson> {
    let settings: Settings = shop.recipe.settings()?;
    let (mut labels, mut usable) = (BTreeSet::new(), Vec::new());
    for index in 0..shop.examples.len() {
        if let Some(label) = shop.examples.example(index)?.labels.remove(&settings.label) {
            labels.insert(label);
            usable.push(index);
        }
    }
    if settings.spoiled > 0.0 {
        labels.insert(settings.nothing.clone());
    }
    if labels.len() < 2 {
        let why = format!("has {} kinds of label `{}`", labels.len(), settings.label);
        return Err(Error::setting("data", why, "give examples of at least two kinds"));
    }
    Ok(Lesson { numbers: labels.into_iter().zip(0..).collect(), usable, settings })
}

fn config(network: &Map<String, Value>, numbers: &BTreeMap<String, i64>) -> Map<String, Value> {
    let mut network = network.clone();
    let names: Map<_, _> = numbers.iter().map(|(l, n)| (n.to_string(), json!(l))).collect();
    let back: Map<_, _> = numbers.iter().map(|(l, n)| (l.clone(), json!(n))).collect();
    network.insert("id2label".into(), Value::Object(names));
    network.insert("label2id".into(), Value::Object(back));
    network.insert("architectures".into(), json!(["ViTForImageClassification"]));
    network.insert("model_type".into(), json!("vit"));
    network
}

fn preprocessing(side: usize) -> Value {
    json!({
        "image_processor_type": "ViTImageProcessor",
        "do_resize": true,
        "size": { "height": side, "width": side },
        "resample": 2,
        "do_rescale": true,
        "rescale_factor": 1.0 / 255.0,
        "do_normalize": true,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    })
}

fn batch(
    shop: &Workshop<'_>,
    random: &StepRandom,
    lesson: &Lesson,
    eye: Option<&(Config, Vae, Weights)>,
) -> Result<Batch> {
    let (settings, batch) = (&lesson.settings, shop.recipe.pace.batch);
    let mut choice = random.of("examples");
    let one = |_| lesson.usable[choice.random_range(0..lesson.usable.len())];
    let chosen: Vec<usize> = (0..batch).map(one).collect();
    let (mut pictures, mut targets) = (Vec::new(), Vec::new());
    for example in examples::gather(shop.examples, &chosen)? {
        let spoil = choice.random_bool(settings.spoiled);
        let label = if spoil { &settings.nothing } else { &example.labels[&settings.label] };
        targets.push(lesson.numbers[label]);
        pictures.push(if spoil { spoiled(&example.picture, &mut choice) } else { example.picture });
    }
    let mut pictures = examples::pixels(&pictures, &shop.device)?;
    if let Some((_, vae, weights)) = eye {
        let count = (settings.reconstructed * batch as f64).round() as usize;
        pictures = seen_through(vae, weights, pictures, count, settings.noise, random);
    }
    let targets = Tensor::from_data(TensorData::new(targets, [batch]), &shop.device);
    Ok(Batch { pictures: blemished(pictures, random), targets })
}

/// The first `count` pictures after a passage through the autoencoder, with up to `noise` on their latents.
fn seen_through(
    vae: &Vae,
    weights: &Weights,
    pictures: Tensor<4>,
    count: usize,
    noise: f32,
    random: &StepRandom,
) -> Tensor<4> {
    let [total, ..] = pictures.dims();
    if count == 0 {
        return pictures;
    }
    let (at, device) = (weights.scope("vae"), pictures.device());
    let (mean, _) = vae.encode(&at, pictures.clone().narrow(0, 0, count));
    let most = noise / vae.config().scaling_factor as f32;
    let amounts = column(count, 0.0, most, &mut random.of("latent noise"), &device);
    let noise = random.noise("latents", mean.dims(), &device);
    let seen = vae.decode(&at, mean + noise * amounts).clamp(-1.0, 1.0);
    match total - count {
        0 => seen,
        rest => Tensor::cat(vec![seen, pictures.narrow(0, count, rest)], 0),
    }
}

/// A little noise and another brightness for each picture.
fn blemished(pictures: Tensor<4>, random: &StepRandom) -> Tensor<4> {
    let ([count, ..], device) = (pictures.dims(), pictures.device());
    let mut rng = random.of("blemishes");
    let contrast = column(count, 0.85, 1.1, &mut rng, &device);
    let light = column(count, -0.1, 0.1, &mut rng, &device);
    let grain = column(count, 0.0, 0.08, &mut rng, &device);
    let noise = random.noise("grain", pictures.dims(), &device);
    (pictures * contrast + light + noise * grain).clamp(-1.0, 1.0)
}

/// One number for each picture, (count, 1, 1, 1).
fn column(count: usize, least: f32, most: f32, rng: &mut impl Rng, device: &Device) -> Tensor<4> {
    let values: Vec<f32> =
        (0..count).map(|_| least + (most - least) * rng.random::<f32>()).collect();
    Tensor::from_data(TensorData::new(values, [count, 1, 1, 1]), device)
}

/// A picture in which nothing can be recognised any more: its tiles in another order, or a small piece enlarged.
fn spoiled(picture: &RgbImage, rng: &mut impl Rng) -> RgbImage {
    let (width, height) = picture.dimensions();
    let (w, h) = ((width / TILES).max(1), (height / TILES).max(1));
    if rng.random() {
        let (x, y) = (rng.random_range(0..=width - w), rng.random_range(0..=height - h));
        let piece = imageops::crop_imm(picture, x, y, w, h).to_image();
        return imageops::resize(&piece, width, height, imageops::FilterType::Triangle);
    }
    let mut mixed = picture.clone();
    for y in 0..TILES {
        for x in 0..TILES {
            let from = (rng.random_range(0..TILES) * w, rng.random_range(0..TILES) * h);
            let tile = imageops::crop_imm(picture, from.0, from.1, w, h).to_image();
            imageops::replace(&mut mixed, &tile, i64::from(x * w), i64::from(y * h));
        }
    }
    mixed
}
