//! Every training job in miniature: a whole model from nothing, the same bits after an interruption, and refusals.

#![allow(clippy::unwrap_used, reason = "a helper that cannot go on has failed its test")]

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::Device;
use image::{Rgb, RgbImage};
use oubliette_model::Error;
use oubliette_model::families::{Classifier, Clip, LoadOptions, StableDiffusion};
use oubliette_model::sample::Request;
use oubliette_model::train::jobs::{self, Example, Examples, Outcome, TrainRecipe};
use safetensors::SafeTensors;
use serde_json::{Value, json};

/// Bright and dark squares.
struct Squares;

impl Examples for Squares {
    fn len(&self) -> usize {
        12
    }

    fn example(&self, index: usize) -> oubliette_model::Result<Example> {
        let bright = index.is_multiple_of(2);
        let shade = if bright { 200 + index as u8 } else { 20 + index as u8 };
        let name = if bright { "bright" } else { "dark" };
        Ok(Example {
            picture: RgbImage::from_pixel(16, 16, Rgb([shade, shade, 99])),
            caption: format!("a {name} square"),
            labels: BTreeMap::from([("kind".to_owned(), name.to_owned())]),
        })
    }
}

fn recipe(job: &str, into: &str, network: Value, settings: Value) -> TrainRecipe {
    let recipe = json!({
        "schema": 1, "job": job, "into": into, "seed": 5, "precision": "f16",
        "pace": { "steps": 4, "batch": 4, "warm_up": 1, "checkpoint": 2, "average": 0.9 },
        "uses": { "tokenizer": "tokenizer", "clip": "clip", "vae": "vae", "unet": "unet" },
        "network": network, "settings": settings,
    });
    serde_json::from_value(recipe).unwrap()
}

fn recipes() -> Vec<TrainRecipe> {
    let half = |kind: &str| {
        json!({
            "model_type": kind, "hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2,
            "num_hidden_layers": 1, "image_size": 16, "patch_size": 8, "hidden_act": "quick_gelu",
        })
    };
    let schedule = json!({
        "_class_name": "DDIMScheduler", "num_train_timesteps": 1000, "beta_start": 0.00085,
        "beta_end": 0.012, "beta_schedule": "scaled_linear",
    });
    let vae = json!({
        "block_out_channels": [8, 8], "latent_channels": 4, "norm_num_groups": 4, "sample_size": 16,
        "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"],
        "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"],
    });
    let clip = json!({
        "projection_dim": 16, "text_config": half("clip_text_model"), "vision_config": half("clip_vision_model"),
    });
    let unet = json!({
        "block_out_channels": [8, 8], "norm_num_groups": 4, "layers_per_block": 1, "sample_size": 8,
        "attention_head_dim": 2, "cross_attention_dim": 16,
        "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
    });
    let judge = json!({
        "hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2, "num_hidden_layers": 1,
        "image_size": 16, "patch_size": 8,
    });
    let lesson =
        json!({ "label": "kind", "nothing": "nothing", "spoiled": 0.3, "reconstructed": 0.5 });
    let mut first = recipe("vae", "vae", vae.clone(), json!({}));
    first.uses.vae = None;
    vec![
        recipe("tokenizer", "tokenizer", json!({}), json!({ "length": 8 })),
        first,
        recipe("clip", "clip", clip, json!({})),
        recipe("unet", "unet", unet, json!({ "schedule": schedule, "min_snr": 5.0 })),
        recipe("classifier", "judge", judge, lesson),
        recipe("vae", "vae-sharp", vae, json!({ "edges": 1.0 })),
        recipe(
            "pipeline",
            "model",
            json!({}),
            json!({ "schedule": schedule, "card": "# Squares\n" }),
        ),
    ]
}

fn run(recipe: &TrainRecipe, shop: &Path) -> oubliette_model::Result<Outcome> {
    jobs::run(recipe, &Squares, shop, &Device::flex(), &mut |_| ControlFlow::Continue(()))
}

fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_whole_model_is_made_and_an_interruption_leaves_no_trace() {
    let (whole, broken) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for recipe in recipes() {
        assert_eq!(run(&recipe, whole.path()).unwrap(), Outcome::Made);
        assert_eq!(run(&recipe, whole.path()).unwrap(), Outcome::Present);
        let mut calls = 0;
        let stopped = jobs::run(&recipe, &Squares, broken.path(), &Device::flex(), &mut |at| {
            calls += usize::from(at.phase == "learning");
            if calls == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if matches!(stopped, Err(Error::Interrupted)) {
            assert_eq!(run(&recipe, broken.path()).unwrap(), Outcome::Made);
        }
    }
    let unet = "unet/diffusion_pytorch_model.safetensors";
    for file in ["vae/diffusion_pytorch_model.safetensors", "clip/model.safetensors", unet] {
        assert_eq!(bytes(&whole.path().join(file)), bytes(&broken.path().join(file)), "{file}");
    }
    assert_eq!(
        bytes(&whole.path().join("judge/model.safetensors")),
        bytes(&broken.path().join("judge/model.safetensors"))
    );
    let left: Vec<_> =
        fs::read_dir(broken.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{left:?}");
    check(whole.path());
}

/// What was made can be loaded and used.
fn check(shop: &Path) {
    let device = Device::flex();
    let model =
        StableDiffusion::load(&shop.join("model"), &LoadOptions::on(device.clone())).unwrap();
    let request = Request { prompt: "a bright square".into(), steps: 2, ..Request::default() };
    let sampler = model.schedule.sampler().unwrap();
    let mut go_on = |_| ControlFlow::Continue(());
    let made = model.generate(&model.weights, &[request], sampler, 1, &mut go_on).unwrap();
    assert_eq!(made[0].dimensions(), (16, 16));
    assert_eq!(bytes(&shop.join("model/README.md")), b"# Squares\n");
    trained_on(&shop.join("vae"), &shop.join("vae-sharp"));
    let judge = Classifier::load(&shop.join("judge"), &device).unwrap();
    assert_eq!(judge.network.labels, ["bright", "dark", "nothing"]);
    assert_eq!(judge.probabilities(&made, &device).dims(), [1, 3]);
    let clip = Clip::load(&shop.join("clip"), &device).unwrap();
    let texts = ["a dark square".to_owned(), "a bright square".to_owned()];
    assert_eq!(clip.text_embeddings(&texts, &device).unwrap().dims(), [2, 16]);
}

/// A decoder that was trained on has the latents it was made for: the encoder is the same, byte for byte.
fn trained_on(first: &Path, sharp: &Path) {
    let [first, sharp] =
        [first, sharp].map(|folder| bytes(&folder.join("diffusion_pytorch_model.safetensors")));
    let (first, sharp) =
        (SafeTensors::deserialize(&first).unwrap(), SafeTensors::deserialize(&sharp).unwrap());
    let mut moved = 0;
    for (name, tensor) in first.tensors() {
        let same = sharp.tensor(&name).unwrap() == tensor;
        let decodes = name.starts_with("decoder.") || name.starts_with("post_quant_conv.");
        assert!(same || decodes, "{name} moved");
        moved += usize::from(!same);
    }
    assert!(moved > 10, "{moved}");
}

#[test]
fn what_cannot_be_done_is_refused_with_the_key() {
    let shop = tempfile::tempdir().unwrap();
    let mut all = recipes();
    let refused = |recipe: &TrainRecipe, word: &str| {
        let said = run(recipe, shop.path()).unwrap_err().to_string();
        assert!(said.contains(word), "{said}");
    };
    let tokenizer = all.remove(0);
    refused(&TrainRecipe { job: "gan".into(), ..tokenizer.clone() }, "`job` is `gan`");
    refused(&TrainRecipe { into: "../elsewhere".into(), ..tokenizer.clone() }, "`into`");
    refused(&TrainRecipe { schema: 2, ..tokenizer.clone() }, "`schema`");
    let mut misspelt = tokenizer.clone();
    misspelt.settings.insert("lenght".into(), json!(8));
    refused(&misspelt, "lenght");
    let vae = all.remove(0);
    let mut fast = vae.clone();
    fast.pace.learning_rate = f64::NAN;
    refused(&fast, "pace.learning_rate");
    let clip = all.remove(0);
    refused(&clip, "tokenizer");
    let unet = all.remove(0);
    let mut alone = unet.clone();
    alone.uses.vae = None;
    refused(&alone, "uses.vae");
    assert_eq!(fs::read_dir(shop.path()).unwrap().count(), 0, "a refusal leaves nothing");
}
