//! Writes a changed model beside its source: what did not change is copied byte for byte, and in a
//! weight file only the changed tensors' bytes differ.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::store::atomic::NewFolder;
use crate::store::component::Component;
use crate::store::folder::Folder;
use crate::store::header::Entry;
use crate::store::layout::Place;
use crate::store::tensor_file::encode;
use crate::weights::{Weight, Weights};

const DEEPEST: usize = 4;
/// Ends of files that hold weights in some format: of a changed component, only those that were
/// read are written, since the others would still hold the old weights.
const WEIGHT_FILES: [&str; 11] = [
    ".safetensors",
    ".bin",
    ".ckpt",
    ".pt",
    ".pth",
    ".msgpack",
    ".h5",
    ".onnx",
    ".onnx_data",
    ".pb",
    ".gguf",
];

/// Copies the folder of a model into `new`, with `weights` in the place of the old ones.
pub(crate) struct Copy<'a> {
    pub(crate) source: &'a Folder,
    /// Each component with the name of its folder; empty for the source itself.
    pub(crate) components: Vec<(&'a str, &'a Component)>,
    pub(crate) weights: &'a Weights,
    pub(crate) new: &'a NewFolder,
    /// Files of the source's root that the caller writes himself.
    pub(crate) except: &'a [&'a str],
}

impl Copy<'_> {
    /// Does it; returns whether any weight changed.
    pub(crate) fn run(&self) -> Result<bool> {
        let mut changed = Vec::new();
        for (folder, component) in &self.components {
            if self.copy_weights(folder, component)? {
                changed.push(*folder);
            }
        }
        self.without_weights_of(&changed)?;
        Ok(!changed.is_empty())
    }

    /// Copies everything but the weights of these folders.
    pub(crate) fn without_weights_of(&self, folders: &[&str]) -> Result<()> {
        for name in self.source.names()? {
            if !self.except.contains(&name.as_str()) {
                self.copy_rest(self.source, Path::new(&name), folders, 0)?;
            }
        }
        Ok(())
    }

    /// Copies a component's weight files, then puts the changed tensors over them.
    fn copy_weights(&self, folder: &str, component: &Component) -> Result<bool> {
        let mut changed = false;
        for path in component.shards.paths().chain(component.shards.index()) {
            self.new.copy(path, &relative(folder, path))?;
        }
        for (name, place) in component.layout.places() {
            let Some(weight) = self.weights.get(&component.qualified(name)) else { continue };
            if let Some(values) = changed_values(component, name, weight)? {
                self.put(folder, component, place, &values)?;
                changed = true;
            }
        }
        Ok(changed)
    }

    fn put(&self, folder: &str, from: &Component, place: &Place, values: &[f32]) -> Result<()> {
        let source = from.shards.file_of(&place.name);
        let Some(entry) = from.shards.entry(&place.name) else { return Ok(()) };
        let bytes = encode_all(source, place, entry, values)?;
        let part = place.part.map_or(0, |(part, _)| part as u64);
        let path = self.new.place(&relative(folder, source))?;
        let write = || -> std::io::Result<()> {
            let mut file: File = OpenOptions::new().write(true).open(&path)?;
            file.seek(SeekFrom::Start(entry.start + part * bytes.len() as u64))?;
            file.write_all(&bytes)?;
            file.sync_data()
        };
        write().map_err(Error::write(&path))
    }

    /// Copies everything else, without the weights of changed components in formats not read.
    fn copy_rest(&self, at: &Folder, name: &Path, changed: &[&str], depth: usize) -> Result<()> {
        let plain = name.file_name().and_then(|name| name.to_str()).unwrap_or("");
        let path = at.path(plain)?;
        if path.is_dir() {
            if depth >= DEEPEST {
                let remedy = "name the model's own folder";
                return Err(Error::file(&path, "is nested too deeply for a model", remedy));
            }
            let folder = at.folder(plain)?;
            for inner in folder.names()? {
                self.copy_rest(&folder, &name.join(inner), changed, depth + 1)?;
            }
            return Ok(());
        }
        let written = self.components.iter().any(|(_, component)| component.owns(&path));
        if written || is_stale(name, changed) { Ok(()) } else { self.new.copy(&path, name) }
    }
}

fn relative(folder: &str, path: &Path) -> PathBuf {
    Path::new(folder).join(path.file_name().unwrap_or_default())
}

/// Whether a file holds old weights of a changed component. Weights at the root are those of the
/// whole model in one file.
fn is_stale(name: &Path, changed: &[&str]) -> bool {
    let text = name.file_name().unwrap_or_default().to_string_lossy();
    let holds_weights = WEIGHT_FILES.iter().any(|end| text.ends_with(end)) || is_index(&text);
    let at_root = name.parent().is_none_or(|parent| parent.as_os_str().is_empty());
    let touched = changed.iter().any(|folder| name.starts_with(folder));
    holds_weights && (touched || (at_root && !changed.is_empty()))
}

/// Whether a file lists shards: `model.safetensors.index.json`, `model.safetensors.index.fp16.json`.
fn is_index(name: &str) -> bool {
    name.contains(".index.") && name.ends_with(".json")
}

/// The numbers of a weight, if they differ from those that loading it gave. Those that a shorter format left as they were are the file's own.
fn changed_values(component: &Component, name: &str, weight: &Weight) -> Result<Option<Vec<f32>>> {
    let path = component.shards.file_of(name);
    if weight.shape() != component.layout.shape(name) {
        let why = format!("was given the shape {:?}", weight.shape());
        return Err(Error::tensor(path, name, why, "keep the shapes of the weights"));
    }
    let values = weight.to_f32_vec();
    let old = component.layout.read(&component.shards, name, &weight.device(), weight.dtype())?;
    let old = old.to_f32_vec();
    let same = |(new, old): (&f32, &f32)| new.to_bits() == old.to_bits();
    if values.iter().zip(&old).all(same) {
        return Ok(None);
    }
    let exact = component.layout.values(&component.shards, name)?;
    let own = |((new, old), exact)| if same((&new, &old)) { exact } else { new };
    Ok(Some(values.into_iter().zip(old).zip(exact).map(own).collect()))
}

fn encode_all(path: &Path, place: &Place, entry: &Entry, values: &[f32]) -> Result<Vec<u8>> {
    encode(values, entry.stored).map_err(|value| {
        let why = format!("now holds {value}, which is no finite {} number", entry.stored.name());
        let remedy = "train with a lower rate, or start from a model with f32 weights";
        Error::tensor(path, &place.name, why, remedy)
    })
}
