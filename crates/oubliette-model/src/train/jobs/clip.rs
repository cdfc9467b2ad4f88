//! The job `clip`: texts and pictures in one space; its text half is what a denoiser listens to.

use std::collections::BTreeMap;

use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor, TensorData};
use serde_json::{Map, Value, json};

use super::workshop::Workshop;
use super::{Entry, examples, training};
use crate::error::Result;
use crate::families::Clip;
use crate::networks::ClipModel;
use crate::tokenizer::ClipTokenizer;
use crate::train::StepRandom;
use crate::weights::Weights;

/// The entry of the list.
pub(super) const ENTRY: Entry =
    Entry { name: "clip", about: "a contrastive model of captions and pictures", run };

/// Pictures, token ids and who belongs to whom.
struct Batch {
    pictures: Tensor<4>,
    ids: Tensor<2, Int>,
    /// (batch, batch); row `i` shares 1 among the examples with caption `i`.
    same: Tensor<2>,
}

fn run(shop: &mut Workshop<'_>) -> Result<()> {
    let (files, tokenizer) = shop.tokenizer()?;
    let network = with_vocabulary(&shop.recipe.network, &tokenizer);
    let path = shop.config_path();
    let clip = ClipModel::from_json(&path, &network)?;
    let start = shop.begin("clip", &clip.shapes(), &[]);
    let trained = training::learn(
        shop,
        start,
        |shop, random| batch(shop, random, &tokenizer),
        |weights, batch| Ok(loss(&clip, weights, batch)),
    )?;
    let preprocessing = preprocessing(clip.vision().patches.image_size);
    let config = Value::Object(network);
    Clip::write(
        &shop.destination(),
        &config,
        &preprocessing,
        &files,
        &trained,
        shop.recipe.precision,
    )
}

/// The network's configuration with the size and the special tokens of the vocabulary filled in.
fn with_vocabulary(network: &Map<String, Value>, tokenizer: &ClipTokenizer) -> Map<String, Value> {
    let mut network = network.clone();
    if let Some(Value::Object(text)) = network.get_mut("text_config") {
        text.insert("vocab_size".into(), json!(tokenizer.vocabulary()));
        text.insert("max_position_embeddings".into(), json!(tokenizer.length()));
        text.insert("bos_token_id".into(), json!(tokenizer.bos()));
        text.insert("eos_token_id".into(), json!(tokenizer.eos()));
        text.insert("pad_token_id".into(), json!(tokenizer.pad()));
    }
    network.insert("architectures".into(), json!(["CLIPModel"]));
    network.insert("model_type".into(), json!("clip"));
    network
}

/// How pictures are prepared: scaled to the side, values to −1..1.
fn preprocessing(side: usize) -> Value {
    json!({
        "image_processor_type": "CLIPImageProcessor",
        "do_convert_rgb": true,
        "do_resize": true,
        "size": { "shortest_edge": side },
        "resample": 3,
        "do_center_crop": true,
        "crop_size": { "height": side, "width": side },
        "do_rescale": true,
        "rescale_factor": 1.0 / 255.0,
        "do_normalize": true,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    })
}

fn batch(shop: &Workshop<'_>, random: &StepRandom, tokenizer: &ClipTokenizer) -> Result<Batch> {
    let examples = examples::gather(shop.examples, &shop.draw(random))?;
    let captions: Vec<String> = examples.iter().map(|e| e.caption.clone()).collect();
    Ok(Batch {
        pictures: examples::pixels(examples.iter().map(|e| &e.picture), &shop.device)?,
        ids: examples::tokens(tokenizer, &captions, &shop.device)?,
        same: Tensor::from_data(same(&captions), &shop.device),
    })
}

fn same(captions: &[String]) -> TensorData {
    let mut counts = BTreeMap::<&str, f32>::new();
    captions.iter().for_each(|caption| *counts.entry(caption).or_default() += 1.0);
    let mut rows = Vec::with_capacity(captions.len() * captions.len());
    for a in captions {
        rows.extend(captions.iter().map(|b| if a == b { 1.0 / counts[a.as_str()] } else { 0.0 }));
    }
    TensorData::new(rows, [captions.len(), captions.len()])
}

/// Cross-entropy both ways (Radford et al. 2021, figure 3); examples with the same caption count as right.
fn loss(clip: &ClipModel, weights: &Weights, batch: &Batch) -> Tensor<1> {
    let at = weights.scope("clip");
    let pictures = clip.image_embedding(&at, batch.pictures.clone());
    let texts = clip.text_embedding(&at, batch.ids.clone());
    let logits = clip.logits(&at, pictures, texts);
    let to_text = (log_softmax(logits.clone(), 1) * batch.same.clone()).sum();
    let to_picture = (log_softmax(logits.transpose(), 1) * batch.same.clone()).sum();
    let [count, _] = batch.same.dims();
    (to_text + to_picture).mul_scalar(-0.5 / count as f64)
}
