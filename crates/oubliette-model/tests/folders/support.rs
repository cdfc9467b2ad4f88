//! Fixtures and what several tests do with them.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use oubliette_model::Weights;
use oubliette_model::families::{LoadOptions, StableDiffusion};
use oubliette_model::store::TensorFile;
use serde_json::{Map, Value};

/// A folder or file below `goldens/data/released`.
pub(crate) fn released(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/data/released").join(name)
}

/// 32-bit floats on the processor.
pub(crate) fn options() -> LoadOptions {
    LoadOptions::on(Device::flex())
}

/// Loads a model that must load.
pub(crate) fn load(path: &Path) -> StableDiffusion {
    StableDiffusion::load(path, &options()).unwrap()
}

/// Spoils a copy of a good folder; the refusal must be one line of a bearable length that contains all of `words`.
pub(crate) fn refused(words: &[&str], spoil: impl FnOnce(&Path)) {
    refused_as("of-2022", words, spoil);
}

/// The same with a copy of another folder.
pub(crate) fn refused_as(layout: &str, words: &[&str], spoil: impl FnOnce(&Path)) {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("model");
    copy_folder(&released(layout), &folder);
    spoil(&folder);
    let error = StableDiffusion::load(&folder, &options()).map(|_| ()).unwrap_err();
    let text = error.to_string();
    assert!(words.iter().all(|word| text.contains(word)), "{words:?} not in: {text}");
    assert!(!text.contains(char::is_control) && text.len() < 4000, "{text:?}");
    assert!(!error.is_temporary());
}

/// Changes a JSON file.
pub(crate) fn edit(path: &Path, change: impl FnOnce(&mut Map<String, Value>)) {
    let mut map: Map<String, Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    change(&mut map);
    fs::write(path, Value::Object(map).to_string()).unwrap();
}

/// Copies a folder, following links.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = (entry.as_ref().unwrap().path(), entry.unwrap().file_name());
        if path.is_dir() {
            copy_folder(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

/// All files of a folder, by relative path, sorted.
pub(crate) fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Whether two models have the same names and the same numbers, bit for bit.
pub(crate) fn assert_same(a: &Weights, b: &Weights) {
    assert_eq!(a.names().collect::<Vec<_>>(), b.names().collect::<Vec<_>>());
    for ((name, a), (_, b)) in a.iter().zip(b) {
        assert_eq!(a.shape(), b.shape(), "{name}");
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        assert!(bits(a.to_f32_vec()) == bits(b.to_f32_vec()), "{name} differs");
    }
}

/// The first byte and the length of a tensor in a safetensors file.
pub(crate) fn bytes_of(file: &Path, tensor: &str) -> (usize, usize) {
    let entry = TensorFile::open(file).unwrap().entries()[tensor].clone();
    (usize::try_from(entry.start).unwrap(), entry.length)
}
