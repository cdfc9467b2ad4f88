//! What is written: nothing more than what changed, all of it or nothing.

use std::fs;
use std::path::Path;

use burn::tensor::{DType, Device};
use oubliette_model::device::Precision;
use oubliette_model::families::{FreshModel, LoadOptions, StableDiffusion};
use oubliette_model::init::random_weights;
use oubliette_model::store::{CardSection, NewFolder};
use oubliette_model::{Error, Weight, Weights};
use serde_json::Value;

use crate::support::{assert_same, bytes_of, copy_folder, files, load, options, released};

const CHANGED: &str = "unet/down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight";
const UNET_FILE: &str = "unet/diffusion_pytorch_model.safetensors";

/// The model's weights with one tensor replaced by a constant.
fn with_constant(model: &StableDiffusion, name: &str, value: f32) -> Weights {
    let old = model.weights.get(name).unwrap();
    let new = Weight::from_f32(vec![value; old.len()], old.shape(), &Device::flex(), DType::F32);
    let mut weights = model.weights.clone();
    weights.insert(name, new);
    weights
}

fn assert_files_equal(a: &Path, b: &Path, but: &[&str]) {
    assert_eq!(files(a), files(b));
    for file in files(a).iter().filter(|file| !but.iter().any(|name| file.ends_with(name))) {
        assert!(fs::read(a.join(file)).unwrap() == fs::read(b.join(file)).unwrap(), "{file:?}");
    }
}

#[test]
fn what_did_not_change_is_copied_byte_for_byte() {
    let (source, temp) = (released("of-2022"), tempfile::tempdir().unwrap());
    let model = load(&source);
    model.save(&temp.path().join("copy"), &model.weights, None).unwrap();
    assert_files_equal(&source, &temp.path().join("copy"), &[]);
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1, "nothing else may stay");
}

#[test]
fn only_the_changed_tensor_changes() {
    let (source, temp) = (released("of-2022"), tempfile::tempdir().unwrap());
    let (model, copy) = (load(&source), temp.path().join("copy"));
    let weights = with_constant(&model, CHANGED, 0.25);
    model.save(&copy, &weights, None).unwrap();
    assert_files_equal(&source, &copy, &[UNET_FILE]);
    let name = CHANGED.strip_prefix("unet/").unwrap();
    let (start, length) = bytes_of(&source.join(UNET_FILE), name);
    let [old, new] = [&source, &copy].map(|root| fs::read(root.join(UNET_FILE)).unwrap());
    assert_eq!(old[..start], new[..start]);
    assert_eq!(old[start + length..], new[start + length..]);
    assert_same(&weights, &load(&copy).weights);
}

#[test]
fn every_layout_is_written_as_it_was_read() {
    let temp = tempfile::tempdir().unwrap();
    for layout in ["of-2022", "fp16-variant", "sharded", "cache/models--tiny--random"] {
        let (model, copy) = (load(&released(layout)), temp.path().join(layout));
        let mut weights = with_constant(&model, CHANGED, 0.5);
        let more = [
            "vae/encoder.mid_block.attentions.0.to_q.weight",
            "text_encoder/text_model.final_layer_norm.bias",
        ];
        for name in more {
            weights.extend(with_constant(&model, name, -2.0).only(&[name.to_owned()].into()));
        }
        model.save(&copy, &weights, None).unwrap();
        assert_same(&weights, &load(&copy).weights);
        let links = files(&copy).iter().any(|file| copy.join(file).is_symlink());
        assert!(!links, "a written folder stands for itself");
    }
}

#[test]
fn what_a_written_folder_gives_back_is_known_before() {
    let temp = tempfile::tempdir().unwrap();
    for layout in ["of-2022", "fp16-variant", "sharded"] {
        let (model, copy) = (load(&released(layout)), temp.path().join(layout));
        let weights = with_constant(&model, CHANGED, 0.1);
        model.save(&copy, &weights, None).unwrap();
        assert_same(&model.as_saved(&weights), &load(&copy).weights);
    }
    let halves = load(&released("fp16-variant"));
    // The next number of the format is 2.4e-4 away.
    let weights = with_constant(&halves, CHANGED, 0.25);
    assert_same(&halves.as_saved(&with_constant(&halves, CHANGED, 0.25001)), &weights);
}

#[test]
fn a_single_file_becomes_a_folder() {
    let temp = tempfile::tempdir().unwrap();
    let options = LoadOptions { base: Some(released("of-2022")), ..options() };
    let model = StableDiffusion::load(&released("single-file.safetensors"), &options).unwrap();
    let weights = with_constant(&model, CHANGED, 0.5);
    model.save(&temp.path().join("folder"), &weights, None).unwrap();
    assert_same(&weights, &load(&temp.path().join("folder")).weights);
    let unet = temp.path().join("folder").join(UNET_FILE);
    let half = bytes_of(&unet, "conv_in.weight").1 / 2;
    assert_eq!(half, model.weights.get("unet/conv_in.weight").unwrap().len());
}

#[test]
fn stale_weights_of_a_changed_component_stay_behind() {
    let temp = tempfile::tempdir().unwrap();
    let (source, copy) = (temp.path().join("source"), temp.path().join("copy"));
    copy_folder(&released("of-2022"), &source);
    let stale = [
        "unet/diffusion_pytorch_model.bin",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "unet/diffusion_pytorch_model.bin.index.json",
        "unet/diffusion_pytorch_model.safetensors.index.fp16.json",
        "all.ckpt",
    ];
    for name in stale.into_iter().chain(["vae/diffusion_pytorch_model.bin", "notes.txt"]) {
        fs::write(source.join(name), "old").unwrap();
    }
    let model = load(&source);
    model.save(&copy, &with_constant(&model, CHANGED, 0.5), None).unwrap();
    assert!(stale.iter().all(|name| !copy.join(name).exists()));
    assert!(
        copy.join("vae/diffusion_pytorch_model.bin").exists() && copy.join("notes.txt").exists()
    );
}

#[test]
fn the_card_gains_a_section() {
    let temp = tempfile::tempdir().unwrap();
    let (source, copy) = (temp.path().join("source"), temp.path().join("copy"));
    copy_folder(&released("of-2022"), &source);
    fs::write(source.join("README.md"), "# Model\nold words\n").unwrap();
    let model = load(&source);
    let section = CardSection { title: "Concept removal".into(), body: "new words".into() };
    model.save(&copy, &model.weights, Some(&section)).unwrap();
    let card = fs::read_to_string(copy.join("README.md")).unwrap();
    assert!(card.starts_with("# Model\nold words\n") && card.contains("new words"));
}

#[test]
fn nothing_is_overwritten_and_nothing_half_stays() {
    let temp = tempfile::tempdir().unwrap();
    let (model, copy) = (load(&released("of-2022")), temp.path().join("copy"));
    let too_large = with_constant(&model, CHANGED, 1e6);
    let refused = model.save(&copy, &too_large, None).unwrap_err().to_string();
    assert!(refused.contains("attn2.to_k.weight") && refused.contains("1000000"), "{refused}");
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0, "a failed write leaves nothing");
    fs::create_dir_all(temp.path().join(".copy.incomplete/unet")).unwrap();
    model.save(&copy, &model.weights, None).unwrap();
    let again = model.save(&copy, &model.weights, None).unwrap_err();
    assert!(matches!(again, Error::Exists { .. }), "{again}");
    let mut unknown = Weights::new();
    unknown.insert("unet/lora", model.weights.get(CHANGED).unwrap().clone());
    assert!(model.save(&temp.path().join("other"), &unknown, None).is_err());
}

#[test]
fn two_runs_do_not_write_one_folder() {
    let temp = tempfile::tempdir().unwrap();
    let first = NewFolder::create(&temp.path().join("folder")).unwrap();
    let second = NewFolder::create(&temp.path().join("folder")).unwrap_err();
    assert!(second.is_temporary(), "{second}");
    drop(first);
    NewFolder::create(&temp.path().join("folder")).unwrap().finish().unwrap();
}

#[test]
fn a_fresh_model_is_written_and_read() {
    let (source, temp) = (released("of-2022"), tempfile::tempdir().unwrap());
    let json = |name: &str| -> Value {
        serde_json::from_slice(&fs::read(source.join(name)).unwrap()).unwrap()
    };
    let token_file =
        |name: &str| (name.to_owned(), fs::read(source.join("tokenizer").join(name)).unwrap());
    let fresh = FreshModel {
        unet: json("unet/config.json"),
        vae: json("vae/config.json"),
        text_encoder: json("text_encoder/config.json"),
        scheduler: json("scheduler/scheduler_config.json"),
        tokenizer: ["vocab.json", "merges.txt", "tokenizer_config.json"].map(token_file).to_vec(),
        card: "# Fresh\n".into(),
    };
    let (unet, vae, text) = fresh.networks(Path::new("fresh")).unwrap();
    let mut weights = Weights::new();
    for (name, shapes) in
        [("unet", unet.shapes()), ("vae", vae.shapes()), ("text_encoder", text.shapes())]
    {
        weights.extend(random_weights(name, &shapes, 7, &Device::flex()));
    }
    let place = temp.path().join("fresh");
    fresh.write(&place, &weights, Precision::F32).unwrap();
    assert_eq!(fs::read_to_string(place.join("README.md")).unwrap(), "# Fresh\n");
    assert_same(&weights, &load(&place).weights);
    let half = temp.path().join("half");
    fresh.write(&half, &weights, Precision::F16).unwrap();
    let loaded = load(&half).weights;
    for (name, weight) in &weights {
        for (exact, rounded) in
            weight.to_f32_vec().iter().zip(loaded.get(name).unwrap().to_f32_vec())
        {
            assert!((exact - rounded).abs() <= exact.abs() / 1024.0 + 1e-7, "{name}");
        }
    }
}
