//! Models of other kinds than are read here: each is refused before a weight is read, by the name of what is other.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::support::{copy_folder, edit, load, refused, released};

const UNET: &str = "unet/config.json";
const VAE: &str = "vae/config.json";
const TEXT: &str = "text_encoder/config.json";
const INDEX: &str = "model_index.json";

/// Gives keys of a JSON file these values.
fn with(file: &'static str, keys: &[(&str, Value)]) -> impl FnOnce(&Path) {
    let keys: Map<String, Value> =
        keys.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    move |model: &Path| edit(&model.join(file), |map| map.extend(keys))
}

/// A copy of a good folder with these values must load.
fn taken(file: &'static str, keys: &[(&str, Value)]) {
    let temp = tempfile::tempdir().unwrap();
    copy_folder(&released("of-2022"), temp.path());
    with(file, keys)(temp.path());
    load(temp.path());
}

#[test]
fn pipelines() {
    let kind = "use a Stable Diffusion 1.x or 2.x model";
    for name in [
        "StableDiffusionXLPipeline",
        "StableDiffusionXLImg2ImgPipeline",
        "StableDiffusion3Pipeline",
        "FluxPipeline",
    ] {
        refused(&[INDEX, "_class_name", name, kind], with(INDEX, &[("_class_name", json!(name))]));
    }
    // Without a denoiser of the name that is looked for, the pipeline is still what is named.
    refused(&[INDEX, "_class_name", "StableDiffusion3Pipeline", kind], |model| {
        edit(&model.join(INDEX), |map| {
            map.remove("unet");
            map["_class_name"] = json!("StableDiffusion3Pipeline");
        });
    });
    for name in ["StableDiffusionPipelineSafe", "StableDiffusionImg2ImgPipeline"] {
        taken(INDEX, &[("_class_name", json!(name))]);
    }
}

#[test]
fn channels_that_do_not_fit() {
    let kind = "use a text-to-image model";
    // As for inpainting, with a learned variance, and for latents of another autoencoder.
    refused(&[UNET, "in_channels", "9", kind], with(UNET, &[("in_channels", json!(9))]));
    refused(&[UNET, "out_channels", "8", kind], with(UNET, &[("out_channels", json!(8))]));
    let sixteen = [("in_channels", json!(16)), ("out_channels", json!(16))];
    refused(&[UNET, "in_channels", "16", kind], with(UNET, &sixteen));
    refused(&[UNET, "in_channels", "8 channels"], with(VAE, &[("latent_channels", json!(8))]));
    refused(&[VAE, "in_channels", "1", kind], with(VAE, &[("in_channels", json!(1))]));
    refused(&[VAE, "out_channels", "4", kind], with(VAE, &[("out_channels", json!(4))]));
}

#[test]
fn an_autoencoder_whose_latents_are_shifted() {
    refused(&[VAE, "shift_factor", "0.5"], with(VAE, &[("shift_factor", json!(0.5))]));
    refused(&[VAE, "shift_factor"], with(VAE, &[("shift_factor", json!("0"))]));
    for shift in [json!(null), json!(0), json!(0.0)] {
        taken(VAE, &[("shift_factor", shift)]);
    }
}

#[test]
fn a_text_encoder_that_does_not_look_at_padding() {
    let masked = [("use_attention_mask", json!(true))];
    refused(&[TEXT, "use_attention_mask", "true"], with(TEXT, &masked));
    for mask in [json!(null), json!(false)] {
        taken(TEXT, &[("use_attention_mask", mask)]);
    }
}

#[test]
fn a_small_size_of_2022_is_64() {
    let temp = tempfile::tempdir().unwrap();
    copy_folder(&released("of-2022"), temp.path());
    for (version, side) in [("0.6.0", 64), ("0.9.0.dev0", 8)] {
        with(UNET, &[("_diffusers_version", json!(version))])(temp.path());
        assert_eq!(load(temp.path()).unet.config().sample_size, Some((side, side)), "{version}");
    }
}
