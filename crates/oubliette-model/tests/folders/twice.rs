//! What a folder says twice: what counts here is what counts in diffusers and transformers.

use std::fs;
use std::path::Path;

use burn::tensor::{DType, Device};
use oubliette_model::Weight;
use oubliette_model::families::StableDiffusion;
use serde_json::{Value, json};

use crate::support::{assert_same, bytes_of, copy_folder, edit, load, options, released};

const UNET: &str = "unet/diffusion_pytorch_model.safetensors";
const TEXT: &str = "text_encoder/model.safetensors";

fn sampler(folder: &Path) -> &'static str {
    load(folder).schedule.sampler().unwrap().name
}

/// Names a scheduler's class in the index and in its own file; null: not there.
fn name_schedulers(folder: &Path, index: Value, own: Value) {
    edit(&folder.join("model_index.json"), |map| {
        map.insert("scheduler".into(), index);
    });
    edit(&folder.join("scheduler/scheduler_config.json"), |map| {
        map.insert("_class_name".into(), own);
    });
}

#[test]
fn the_index_names_the_sampler() {
    let temp = tempfile::tempdir().unwrap();
    let (folder, copy) = (temp.path().join("model"), temp.path().join("copy"));
    copy_folder(&released("of-2022"), &folder);
    assert_eq!(sampler(&folder), "pndm");
    let euler = json!(["diffusers", "EulerDiscreteScheduler"]);
    name_schedulers(&folder, euler, json!("PNDMScheduler"));
    assert_eq!(sampler(&folder), "euler");
    let model = load(&folder);
    model.save(&copy, &model.weights, None).unwrap();
    assert_eq!(sampler(&copy), "euler", "a saved model is sampled as the one that it came from");
    name_schedulers(&folder, json!(["diffusers", "DDIMScheduler"]), Value::Null);
    assert_eq!(sampler(&folder), "ddim");
}

#[test]
fn without_the_index_the_scheduler_names_itself() {
    let temp = tempfile::tempdir().unwrap();
    copy_folder(&released("of-2022"), temp.path());
    for index in [json!(null), json!([null, null]), json!("DDPMScheduler"), json!([])] {
        name_schedulers(temp.path(), index, json!("DDIMScheduler"));
        assert_eq!(sampler(temp.path()), "ddim");
    }
    name_schedulers(temp.path(), Value::Null, Value::Null);
    assert_eq!(sampler(temp.path()), "pndm");
}

#[test]
fn a_sampler_that_only_the_index_names_is_refused_when_it_is_wanted() {
    let temp = tempfile::tempdir().unwrap();
    copy_folder(&released("of-2022"), temp.path());
    let unknown = json!(["diffusers", "QuantumScheduler"]);
    name_schedulers(temp.path(), unknown, json!("PNDMScheduler"));
    let refused = load(temp.path()).schedule.sampler().err().unwrap().to_string();
    assert!(refused.contains("QuantumScheduler") && refused.contains("pndm"), "{refused}");
}

/// Sets all numbers of a tensor to zero.
fn clear(file: &Path, tensor: &str) {
    let (start, length) = bytes_of(file, tensor);
    let mut bytes = fs::read(file).unwrap();
    bytes[start..start + length].fill(0);
    fs::write(file, bytes).unwrap();
}

#[test]
fn diffusers_reads_shards_before_a_single_file() {
    let temp = tempfile::tempdir().unwrap();
    let (folder, copy) = (temp.path().join("model"), temp.path().join("copy"));
    copy_folder(&released("sharded"), &folder);
    fs::copy(released("of-2022").join(UNET), folder.join(UNET)).unwrap();
    clear(&folder.join(UNET), "conv_in.weight");
    let model = load(&folder);
    assert_same(&load(&released("sharded")).weights, &model.weights);
    // Of a changed component only what was read is written, so that no reader finds the old weights.
    let name = "unet/conv_in.bias";
    let shape = model.weights.get(name).unwrap().shape();
    let new = Weight::from_f32(vec![0.5; shape[0]], shape, &Device::flex(), DType::F32);
    let mut weights = model.weights.clone();
    weights.insert(name, new);
    model.save(&copy, &weights, None).unwrap();
    assert!(!copy.join(UNET).exists());
    assert_same(&weights, &load(&copy).weights);
}

#[test]
fn transformers_reads_a_single_file_before_shards() {
    let temp = tempfile::tempdir().unwrap();
    copy_folder(&released("of-2022"), temp.path());
    let index = temp.path().join(format!("{TEXT}.index.json"));
    fs::write(index, r#"{"weight_map": {"nowhere": "model-00001-of-00001.safetensors"}}"#).unwrap();
    assert_same(&load(&released("of-2022")).weights, &load(temp.path()).weights);
    fs::remove_file(temp.path().join(TEXT)).unwrap();
    let refused = StableDiffusion::load(temp.path(), &options()).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("model-00001-of-00001.safetensors"), "{refused}");
}
