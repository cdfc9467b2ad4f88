//! Writes a random adapter for the cross-attention of a model in both formats, with a picture drawn under it:
//! `adapter MODEL LATENTS OUT`. `cargo xtask interop` has diffusers and PEFT open what it writes.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use burn::tensor::Device;
use oubliette_model::families::{LoadOptions, StableDiffusion};
use oubliette_model::lora::{Init, Lora};
use oubliette_model::sample::{Given, Request, draw};
use oubliette_model::{Select, Weight, schedule};

const RANK: usize = 4;
const ALPHA: f64 = 6.0;

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [model, latents, out] = &paths[..] else {
        return Err("usage: adapter MODEL LATENTS OUT".into());
    };
    let sd = StableDiffusion::load(model, &LoadOptions::on(Device::flex()))?;
    let lora = random(&sd)?;
    std::fs::create_dir_all(out)?;
    lora.write_diffusers(&out.join("diffusers"), &sd.weights, None)?;
    lora.write_peft(&out.join("peft"), &sd.weights)?;
    let given = Given::read(latents)?.first().map(Arc::clone);
    let request =
        Request { prompt: "a red fox on a hill".into(), steps: 25, given, ..Request::default() };
    let sampler = schedule::find("ddim")?;
    let mut go_on = |_| ControlFlow::Continue(());
    let pictures = sd.generate(&lora.apply(&sd.weights), &[request], sampler, 1, &mut go_on)?;
    pictures.first().ok_or("no picture")?.save(out.join("picture.png"))?;
    Ok(())
}

/// Both halves random: as created, the second is zero and the adapter changes nothing.
fn random(sd: &StableDiffusion) -> oubliette_model::Result<Lora> {
    let targets = Select::one("attn2").names(&sd.weights)?;
    let lora = Lora::new(&sd.weights, &targets, RANK, ALPHA, Init::default(), 1)?;
    let filled = lora.halves().map(|_, half| {
        let values =
            draw(2, half.len() as u64, half.len()).into_iter().map(|value| 0.2 * value).collect();
        Weight::from_f32(values, half.shape(), &half.device(), half.dtype())
    });
    Ok(lora.with_halves(&filled))
}
