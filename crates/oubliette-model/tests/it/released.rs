//! One model in every layout that was released: all must give the same numbers.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use oubliette_model::families::{LoadOptions, StableDiffusion};

use crate::golden::{self, Tensors};

fn check(path: &Path, options: &LoadOptions) {
    let golden = Tensors::open("released/expected.safetensors");
    let sd = StableDiffusion::load(path, options).unwrap();
    let text = sd.text.forward(&sd.weights.scope("text_encoder"), golden.ints("ids"));
    golden.expect("context", text.last_hidden.clone());
    let times = Tensor::<1>::from_data([1.0, 500.0, 981.0], &Device::flex());
    let latents = golden.floats::<4>("latents");
    golden.expect("noise", sd.predict(&sd.weights, latents.clone(), times, text.last_hidden));
    golden.expect("decoded", sd.vae.decode(&sd.weights.scope("vae"), latents));
    assert!((sd.vae.config().scaling_factor - 0.18215).abs() < 1e-12, "{}", path.display());
}

fn plain() -> LoadOptions {
    LoadOptions::on(Device::flex())
}

fn snapshot() -> PathBuf {
    let snapshots = golden::path("released/cache/models--tiny--random/snapshots");
    std::fs::read_dir(snapshots).unwrap().next().unwrap().unwrap().path()
}

#[test]
fn folder_of_2022_with_old_names_and_a_safety_checker() {
    check(&golden::path("released/of-2022"), &plain());
}

#[test]
fn half_precision_files_alone() {
    let variant = LoadOptions { variant: Some("fp16".into()), ..plain() };
    check(&golden::path("released/fp16-variant"), &variant);
}

#[test]
fn shards_with_an_index() {
    check(&golden::path("released/sharded"), &plain());
}

#[test]
fn hub_cache_of_links() {
    check(&snapshot(), &plain());
}

#[test]
fn single_file_with_the_names_of_ldm() {
    let base = LoadOptions { base: Some(golden::path("released/of-2022")), ..plain() };
    check(&golden::path("released/single-file.safetensors"), &base);
}
