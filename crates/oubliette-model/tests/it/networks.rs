//! Text encoder, VAE both ways and UNet against diffusers, for tiny folders and the larger test models.

use std::path::Path;

use burn::tensor::{Device, Tensor};
use oubliette_model::families::StableDiffusion;

use crate::golden::{self, Tensors};

fn check(folder: &Path, name: &str) {
    let golden = Tensors::open(name);
    let sd = golden::load(folder);
    let text = sd.text.forward(&sd.weights.scope("text_encoder"), golden.ints("ids"));
    golden.expect("last_hidden", text.last_hidden.clone());
    golden.expect("penultimate", text.penultimate);
    golden.expect("pooled", text.pooled);
    let vae = sd.weights.scope("vae");
    let (mean, logvar) = sd.vae.encode(&vae, golden.floats("pictures"));
    golden.expect("mean", mean);
    golden.expect("logvar", logvar);
    golden.expect("decoded", sd.vae.decode(&vae, golden.floats("latents")));
    check_unet(&sd, &golden, text.last_hidden);
}

fn check_unet(sd: &StableDiffusion, golden: &Tensors, context: Tensor<3>) {
    let unet = sd.weights.scope("unet");
    for name in golden.names().iter().filter(|name| name.starts_with("unet.")) {
        let (x, times, prompts) = match &name["unet.".len()..] {
            "wide" => ("wide", vec![321.0], 1),
            "mixed" => ("latents", vec![3.0, 777.0], 2),
            t => ("latents", vec![t.parse::<f32>().unwrap(); 2], 2),
        };
        let times = Tensor::<1>::from_data(times.as_slice(), &Device::flex());
        let context = context.clone().narrow(0, 0, prompts);
        golden.expect(name, sd.unet.forward(&unet, golden.floats(x), times, context));
    }
}

#[test]
fn tiny_models_of_both_generations() {
    check(&golden::path("tiny-sd1"), "of-tiny-sd1/networks.safetensors");
    check(&golden::path("tiny-sd2"), "of-tiny-sd2/networks.safetensors");
}

#[test]
fn larger_models_in_both_layouts() {
    let Some(models) = golden::models() else { return };
    check(&models.join("emoji-sd"), "of-emoji-sd/networks.safetensors");
    let twin = models.join("emoji-sd-without-lion-guitar-banana");
    check(&twin, "of-emoji-sd-twin.safetensors");
}
