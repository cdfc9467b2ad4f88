//! The weight files of one component: a single file, or shards that an index lists.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Error, Result};
use crate::store::folder::Folder;
use crate::store::header::Entry;
use crate::store::json::read_object;
use crate::store::tensor_file::TensorFile;

/// The largest index that is read, and the most shards that it may list.
const MAX_INDEX_BYTES: u64 = 32 << 20;
const MAX_SHARDS: usize = 1_000;
const PICKLES: [&str; 4] = [".bin", ".ckpt", ".pt", ".pth"];
const AGAIN: &str = "get the component's files again";
/// What diffusers' weight files begin with.
pub(crate) const DIFFUSERS_STEM: &str = "diffusion_pytorch_model";

/// The open weight files of a component; every tensor is in exactly one of them.
#[derive(Debug)]
pub struct Shards {
    files: Vec<TensorFile>,
    index: Option<PathBuf>,
    places: BTreeMap<String, usize>,
}

impl Shards {
    /// Finds and opens the weight files of a folder. They begin with `stem`; a `variant` such as
    /// `fp16` is preferred where it is asked for, and taken where there is nothing else. Where a single file lies beside
    /// an index, diffusers reads the shards and transformers the file, so this does.
    ///
    /// # Errors
    /// There are none, only pickles, or they are not well-formed.
    pub fn open(folder: &Folder, stem: &str, variant: Option<&str>) -> Result<Self> {
        let plain = format!("{stem}.safetensors");
        let wanted = variant.map(|variant| format!("{stem}.{variant}.safetensors"));
        for name in wanted.iter().chain([&plain, &format!("{stem}.fp16.safetensors")]) {
            let index = index_name(name, stem);
            let (whole, sharded) = (folder.has(name), folder.has(&index));
            if sharded && (stem == DIFFUSERS_STEM || !whole) {
                return Self::sharded(folder, &folder.path(&index)?);
            }
            if whole {
                return Self::single(&folder.path(name)?);
            }
        }
        Err(nothing_to_read(folder, &plain))
    }

    /// Opens a single file.
    ///
    /// # Errors
    /// It is not well-formed.
    pub fn single(path: &Path) -> Result<Self> {
        let file = TensorFile::open(path)?;
        let places = file.entries().keys().map(|name| (name.clone(), 0)).collect();
        Ok(Self { files: vec![file], index: None, places })
    }

    fn sharded(folder: &Folder, index: &Path) -> Result<Self> {
        let map = read_object(index, MAX_INDEX_BYTES)?;
        let listed = map.get("weight_map").and_then(Value::as_object);
        let malformed = || Error::config(index, "weight_map", "is missing or malformed", AGAIN);
        let listed = listed.ok_or_else(malformed)?;
        let names: BTreeSet<&str> =
            listed.values().map(Value::as_str).collect::<Option<_>>().ok_or_else(malformed)?;
        if names.len() > MAX_SHARDS {
            return Err(Error::config(index, "weight_map", "lists too many files", AGAIN));
        }
        if let Some(name) = names.iter().find(|name| PICKLES.iter().any(|end| name.ends_with(end)))
        {
            return Err(pickle(&folder.root().join(name)));
        }
        let names: Vec<&str> = names.into_iter().collect();
        let mut places = BTreeMap::new();
        let mut files = Vec::new();
        for (number, name) in names.iter().enumerate() {
            let file = TensorFile::open(&folder.path(name)?)?;
            for tensor in file.entries().keys() {
                if listed.get(tensor).and_then(Value::as_str) != Some(name) {
                    let why = "is here, but the index does not say so";
                    return Err(Error::tensor(file.path(), tensor, why, AGAIN));
                }
                places.insert(tensor.clone(), number);
            }
            files.push(file);
        }
        match listed.keys().find(|tensor| !places.contains_key(*tensor)) {
            None => Ok(Self { files, index: Some(index.to_owned()), places }),
            Some(tensor) => {
                let why = "is listed, but no file has it";
                Err(Error::tensor(index, tensor, why, AGAIN))
            }
        }
    }

    /// The names of all tensors.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// Where a tensor is, if it is there.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.files[*self.places.get(name)?].entries().get(name)
    }

    /// The file that a tensor is or should be in, to be named in errors.
    pub fn file_of(&self, name: &str) -> &Path {
        let first = self.index.as_deref().unwrap_or_else(|| self.files[0].path());
        self.places.get(name).map_or(first, |&number| self.files[number].path())
    }

    /// The numbers of a tensor.
    ///
    /// # Errors
    /// As for [`TensorFile::read`].
    pub fn read(&self, name: &str) -> Result<Vec<f32>> {
        match self.places.get(name) {
            Some(&number) => self.files[number].read(name),
            None => Err(Error::tensor(self.file_of(name), name, "is missing", AGAIN)),
        }
    }

    /// All weight files, without the index.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(TensorFile::path)
    }

    /// The index of several files.
    pub fn index(&self) -> Option<&Path> {
        self.index.as_deref()
    }
}

/// `model.safetensors.index.json`, `model.safetensors.index.fp16.json`.
fn index_name(file: &str, stem: &str) -> String {
    let variant = file.strip_prefix(stem).and_then(|rest| rest.strip_suffix(".safetensors"));
    format!("{stem}.safetensors.index{}.json", variant.unwrap_or(""))
}

fn nothing_to_read(folder: &Folder, plain: &str) -> Error {
    let pickled = |name: &String| PICKLES.iter().any(|end| name.ends_with(end));
    match folder.names() {
        Ok(names) => match names.iter().find(|name| pickled(name)) {
            Some(name) => pickle(&folder.root().join(name)),
            None => {
                let why = format!("holds no `{plain}`");
                Error::file(folder.root(), why, "get the whole model folder again")
            }
        },
        Err(error) => error,
    }
}

/// Why a pickle is not read.
pub(crate) fn pickle(path: &Path) -> Error {
    let why = "is a pickle, which can run programs when it is read";
    let remedy = "take the model's `.safetensors` files, or convert it with diffusers: \
                  `pipe.save_pretrained(folder, safe_serialization=True)`";
    Error::file(path, why, remedy)
}
