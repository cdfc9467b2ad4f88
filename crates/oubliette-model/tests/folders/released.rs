//! One model in the layouts in which Stable Diffusion was released: all must give the same numbers.

use std::fs;

use burn::tensor::{DType, Device, Tensor, TensorData};
use oubliette_model::families::{LoadOptions, StableDiffusion};
use oubliette_model::store::TensorFile;

use crate::support::{assert_same, load, options, released};

fn golden<const D: usize>(file: &TensorFile, name: &str) -> Tensor<D> {
    let data = TensorData::new(file.read(name).unwrap(), file.entries()[name].shape.clone());
    Tensor::from_data(data, (&Device::flex(), DType::F32))
}

#[test]
fn every_layout_holds_the_same_model() {
    let reference = load(&released("of-2022")).weights;
    let snapshots = released("cache/models--tiny--random/snapshots");
    let snapshot = fs::read_dir(snapshots).unwrap().next().unwrap().unwrap().path();
    let repository = released("cache/models--tiny--random");
    for path in [released("fp16-variant"), released("sharded"), snapshot, repository] {
        assert_same(&reference, &load(&path).weights);
    }
}

#[test]
fn a_variant_is_found_by_name_and_where_it_is_alone() {
    let reference = load(&released("fp16-variant")).weights;
    let options = LoadOptions { variant: Some("fp16".into()), ..options() };
    for folder in ["fp16-variant", "of-2022"] {
        let model = StableDiffusion::load(&released(folder), &options).unwrap();
        assert_same(&reference, &model.weights);
    }
}

#[test]
fn a_single_file_takes_the_rest_from_its_base() {
    let file = released("single-file.safetensors");
    let refused = StableDiffusion::load(&file, &options()).unwrap_err().to_string();
    assert!(refused.contains("single-file.safetensors") && refused.contains("base"), "{refused}");
    let options = LoadOptions { base: Some(released("of-2022")), ..options() };
    let model = StableDiffusion::load(&file, &options).unwrap();
    assert_same(&load(&released("of-2022")).weights, &model.weights);
}

#[test]
fn a_single_file_of_version_2_holds_another_text_encoder() {
    let folder = released("../tiny-sd2");
    let options = LoadOptions { base: Some(folder.clone()), ..options() };
    let model = StableDiffusion::load(&released("single-file-sd2.safetensors"), &options).unwrap();
    assert_same(&load(&folder).weights, &model.weights);
}

#[test]
fn the_numbers_are_those_of_diffusers() {
    let expected = TensorFile::open(&released("expected.safetensors")).unwrap();
    let model = load(&released("of-2022"));
    let context = golden::<3>(&expected, "context");
    let latents = golden::<4>(&expected, "latents");
    let t = Tensor::<1>::from_data(TensorData::from([1.0_f32, 500.0, 981.0]), &Device::flex());
    let noise = model.predict(&model.weights, latents.clone(), t, context);
    let decoded = model.vae.decode(&model.weights.scope("vae"), latents);
    for (name, found) in [("noise", noise), ("decoded", decoded)] {
        let worst: f32 = (found - golden(&expected, name)).abs().max().into_scalar();
        assert!(worst < 1e-4, "{name}: {worst}");
    }
}
