//! Reads adapters: PEFT folders, diffusers files of every year, kohya files.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::names::{Half, Layers, split};
use super::said::Said;
use super::{Lora, MAX_RANK, Pair, matrix};
use crate::error::{Error, Result};
use crate::store::{Folder, MAX_CONFIG_BYTES, TensorFile, parse_object, read_object};
use crate::weights::{Weight, Weights};

const OTHER_MODEL: &str = "use the adapter with the model that it was trained for";

impl Lora {
    /// Reads an adapter for the model with weights `base` from a safetensors file, from a folder with
    /// `pytorch_lora_weights.safetensors`, or from a PEFT folder (`adapter_config.json`, `adapter_model.safetensors`),
    /// also one a component in `unet/` and `text_encoder/`.
    ///
    /// # Errors
    /// When a file is malformed, is a kind of adapter that is not a plain LoRA, or does not fit the model.
    pub fn read(path: &Path, base: &Weights) -> Result<Self> {
        if path.is_file() {
            return read_noted(path, base);
        }
        let folder = Folder::open(path)?;
        if folder.has("adapter_config.json") {
            return read_peft(&folder, base);
        }
        if folder.has("pytorch_lora_weights.safetensors") {
            return read_noted(&folder.path("pytorch_lora_weights.safetensors")?, base);
        }
        let mut all = Self::default();
        for name in ["unet", "text_encoder"] {
            if path.join(name).join("adapter_config.json").is_file() {
                let part = read_peft(&folder.folder(name)?, base)?;
                all.pairs.extend(part.pairs);
                all.halves.extend(part.halves);
            }
        }
        if all.pairs.is_empty() {
            refuse_pickle(&folder, "pytorch_lora_weights.bin")?;
            let remedy =
                "name a folder with `adapter_config.json` or `pytorch_lora_weights.safetensors`";
            return Err(Error::file(path, "holds no adapter", remedy));
        }
        Ok(all)
    }
}

/// An adapter that there is as a pickle alone is not opened.
fn refuse_pickle(folder: &Folder, name: &str) -> Result<()> {
    match folder.has(name) {
        true => {
            let remedy = "save the adapter again with `safe_serialization=True`";
            let why = "is a pickle, which can run programs when it is read";
            Err(Error::file(&folder.path(name)?, why, remedy))
        }
        false => Ok(()),
    }
}

fn read_peft(folder: &Folder, base: &Weights) -> Result<Lora> {
    let path = folder.path("adapter_config.json")?;
    if !folder.has("adapter_model.safetensors") {
        refuse_pickle(folder, "adapter_model.bin")?;
    }
    let said = Said::read(&path, &read_object(&path, MAX_CONFIG_BYTES)?, "")?;
    let file = TensorFile::open(&folder.path("adapter_model.safetensors")?)?;
    read_file(&file, &[said], base)
}

fn read_noted(path: &Path, base: &Weights) -> Result<Lora> {
    let file = TensorFile::open(path)?;
    read_file(&file, &noted(&file)?, base)
}

/// What diffusers notes in the header of its files: PEFT's config of each component.
fn noted(file: &TensorFile) -> Result<Vec<Said>> {
    let note = file.notes().get("lora_adapter_metadata");
    let Some(text) = note else { return Ok(Vec::new()) };
    let map = parse_object(file.path(), text.as_bytes())?;
    let said = |component: &str| {
        let prefix = format!("{component}.");
        let own = map.iter().filter_map(|(key, value)| {
            Some((key.strip_prefix(&prefix)?.to_owned(), value.clone()))
        });
        let own: Map<String, Value> = own.collect();
        Said::read(file.path(), &own, component)
    };
    ["unet", "text_encoder"].into_iter().map(said).collect()
}

#[derive(Default)]
struct Found {
    a: Option<String>,
    b: Option<String>,
    alpha: Option<f64>,
    layer: String,
}

fn read_file(file: &TensorFile, said: &[Said], base: &Weights) -> Result<Lora> {
    let path = file.path();
    let layers = Layers::new(base);
    let mut found = BTreeMap::<&str, Found>::new();
    for key in file.entries().keys() {
        let Some((layer, half)) = split(key) else {
            let remedy = "convert the adapter to a plain LoRA";
            return Err(Error::tensor(
                path,
                key,
                "is neither half of an adapter nor its alpha",
                remedy,
            ));
        };
        let name = layers.find(layer);
        let name = name.ok_or_else(|| {
            Error::tensor(path, key, "adapts a layer that this model does not have", OTHER_MODEL)
        })?;
        let entry = found.entry(name).or_default();
        entry.layer = layer.to_owned();
        let twice = match half {
            Half::A => entry.a.replace(key.clone()).is_some(),
            Half::B => entry.b.replace(key.clone()).is_some(),
            Half::Alpha => match file.read(key)?[..] {
                [alpha] => entry.alpha.replace(f64::from(alpha)).is_some(),
                _ => return Err(Error::tensor(path, key, "is no single number", OTHER_MODEL)),
            },
        };
        if twice {
            return Err(Error::tensor(path, key, "is there under two names", "remove one of them"));
        }
    }
    let mut lora = Lora::default();
    for (name, found) in found {
        add(&mut lora, file, said, base, name, found)?;
    }
    if lora.pairs.is_empty() {
        return Err(Error::file(path, "holds no adapter", OTHER_MODEL));
    }
    Ok(lora)
}

fn add(
    lora: &mut Lora,
    file: &TensorFile,
    said: &[Said],
    base: &Weights,
    name: &str,
    found: Found,
) -> Result<()> {
    let path = file.path();
    let (Some(a), Some(b)) = (&found.a, &found.b) else {
        return Err(Error::tensor(
            path,
            found.layer,
            "has one half only",
            "get the whole file again",
        ));
    };
    let shape =
        |key: &str| file.entries().get(key).map(|entry| entry.shape.clone()).unwrap_or_default();
    let weight = base.get(name);
    let Some((outputs, inputs)) = weight.and_then(matrix) else {
        return Err(Error::tensor(path, a, "adapts a weight that is no matrix", OTHER_MODEL));
    };
    let rank = shape(a).first().copied().unwrap_or(0);
    let count = |key: &str| shape(key).iter().product::<usize>();
    let fits =
        (1..=MAX_RANK).contains(&rank) && count(a) == rank * inputs && count(b) == outputs * rank;
    if !fits || shape(b).first() != Some(&outputs) {
        let why = format!("has a shape that does not fit `{name}` ({outputs} x {inputs})");
        return Err(Error::tensor(path, a, why, OTHER_MODEL));
    }
    let scale = match found.alpha {
        Some(alpha) => alpha / rank as f64,
        None => {
            let own = said.iter().find(|said| said.is_about(name));
            own.map_or(1.0, |said| said.scale(&found.layer, rank))
        }
    };
    let device = weight.map(Weight::device).unwrap_or_default();
    lora.insert(
        name,
        Pair { rank, scale },
        (file.read(a)?, inputs),
        (file.read(b)?, outputs),
        &device.inner(),
    );
    Ok(())
}
