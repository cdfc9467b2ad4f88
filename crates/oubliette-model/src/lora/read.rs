//! Reads adapters: PEFT folders, diffusers files of every year, kohya files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::names::{Half, Layers, split};
use super::{Lora, MAX_RANK, Pair, matrix};
use crate::error::{Error, Result};
use crate::store::{Folder, MAX_CONFIG_BYTES, TensorFile, metadata, parse_object, read_object};
use crate::weights::{Weight, Weights};

const OTHER_MODEL: &str = "use the adapter with the model that it was trained for";

/// Where alpha is said, if not beside the halves.
#[derive(Clone, Debug, Default)]
struct Said {
    map: Map<String, Value>,
    /// What the keys begin with: nothing in PEFT's config, the component in diffusers' notes.
    prefix: String,
}

impl Lora {
    /// Reads an adapter for the model with weights `base` from a safetensors file, from a folder with
    /// `pytorch_lora_weights.safetensors`, or from a PEFT folder (`adapter_config.json`, `adapter_model.safetensors`),
    /// also one a component in `unet/` and `text_encoder/`.
    ///
    /// # Errors
    /// When a file is malformed, is a kind of adapter that is not a plain LoRA, or does not fit the model.
    pub fn read(path: &Path, base: &Weights) -> Result<Self> {
        if path.is_file() {
            return read_file(path, &noted(path)?, base);
        }
        let folder = Folder::open(path)?;
        if folder.has("adapter_config.json") {
            return read_peft(&folder, base);
        }
        if folder.has("pytorch_lora_weights.safetensors") {
            let path = folder.path("pytorch_lora_weights.safetensors")?;
            return read_file(&path, &noted(&path)?, base);
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
            let remedy =
                "name a folder with `adapter_config.json` or `pytorch_lora_weights.safetensors`";
            return Err(Error::file(path, "holds no adapter", remedy));
        }
        Ok(all)
    }
}

fn read_peft(folder: &Folder, base: &Weights) -> Result<Lora> {
    let path = folder.path("adapter_config.json")?;
    let map = read_object(&path, MAX_CONFIG_BYTES)?;
    refuse_other_kinds(&path, &map)?;
    read_file(
        &folder.path("adapter_model.safetensors")?,
        &[Said { map, prefix: String::new() }],
        base,
    )
}

/// What diffusers notes in the header of its files: PEFT's config of each component.
fn noted(path: &Path) -> Result<Vec<Said>> {
    let notes = metadata(path)?;
    let Some(text) = notes.get("lora_adapter_metadata") else { return Ok(Vec::new()) };
    let map = parse_object(path, text.as_bytes())?;
    let said = |component: &str| {
        let prefix = format!("{component}.");
        let own = map.iter().filter_map(|(key, value)| {
            Some((key.strip_prefix(&prefix)?.to_owned(), value.clone()))
        });
        let map: Map<String, Value> = own.collect();
        refuse_other_kinds(path, &map)?;
        Ok(Said { map, prefix: component.to_owned() })
    };
    ["unet", "text_encoder"].into_iter().map(said).collect()
}

/// Adapters that are more than `B A` would be read wrong in silence.
fn refuse_other_kinds(path: &Path, map: &Map<String, Value>) -> Result<()> {
    let said = |key: &str| map.get(key).filter(|value| !value.is_null());
    let remedy = "convert the adapter to a plain LoRA, or merge it with the program that made it";
    if let Some(kind) = said("peft_type").and_then(Value::as_str).filter(|kind| *kind != "LORA") {
        return Err(Error::config(path, "peft_type", format!("is `{kind:.40}`"), remedy));
    }
    let switches = ["use_dora", "fan_in_fan_out", "lora_bias", "use_qalora", "use_bdlora"];
    if let Some(key) = switches.into_iter().find(|key| said(key) == Some(&Value::Bool(true))) {
        return Err(Error::config(path, key, "is set", remedy));
    }
    if said("bias").and_then(Value::as_str).is_some_and(|bias| bias != "none") {
        return Err(Error::config(path, "bias", "is trained too", remedy));
    }
    let lists = ["modules_to_save", "layer_replication", "trainable_token_indices"];
    match lists.into_iter().find(|key| {
        said(key).is_some_and(|value| value.as_array().is_none_or(|list| !list.is_empty()))
    }) {
        Some(key) => Err(Error::config(path, key, "is set", remedy)),
        None => Ok(()),
    }
}

#[derive(Default)]
struct Found {
    a: Option<String>,
    b: Option<String>,
    alpha: Option<f64>,
    layer: String,
}

fn read_file(path: &Path, said: &[Said], base: &Weights) -> Result<Lora> {
    let file = TensorFile::open(path)?;
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
            Half::Alpha => entry
                .alpha
                .replace(f64::from(file.read(key)?.first().copied().unwrap_or(0.0)))
                .is_some(),
        };
        if twice {
            return Err(Error::tensor(path, key, "is there under two names", "remove one of them"));
        }
    }
    let mut lora = Lora::default();
    for (name, found) in found {
        add(&mut lora, &file, said, base, name, found)?;
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
    let path = PathBuf::from(file.path());
    let (Some(a), Some(b)) = (&found.a, &found.b) else {
        return Err(Error::tensor(
            &path,
            found.layer,
            "has one half only",
            "get the whole file again",
        ));
    };
    let shape =
        |key: &str| file.entries().get(key).map(|entry| entry.shape.clone()).unwrap_or_default();
    let weight = base.get(name);
    let Some((outputs, inputs)) = weight.and_then(matrix) else {
        return Err(Error::tensor(&path, a, "adapts a weight that is no matrix", OTHER_MODEL));
    };
    let rank = shape(a).first().copied().unwrap_or(0);
    let count = |key: &str| shape(key).iter().product::<usize>();
    let fits =
        (1..=MAX_RANK).contains(&rank) && count(a) == rank * inputs && count(b) == outputs * rank;
    if !fits || shape(b).first() != Some(&outputs) {
        let why = format!("has a shape that does not fit `{name}` ({outputs} x {inputs})");
        return Err(Error::tensor(&path, a, why, OTHER_MODEL));
    }
    let scale = match found.alpha {
        Some(alpha) => alpha / rank as f64,
        None => said_scale(said, name, &found.layer, rank),
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

/// The scale that the config says; alpha is the rank where nothing is said.
fn said_scale(said: &[Said], name: &str, layer: &str, rank: usize) -> f64 {
    let own =
        |said: &&Said| said.prefix.is_empty() || name.starts_with(&format!("{}/", said.prefix));
    let Some(said) = said.iter().find(own) else { return 1.0 };
    let layer = layer.strip_prefix("base_model.model.").unwrap_or(layer);
    let layer = layer.strip_prefix(&format!("{}.", said.prefix)).unwrap_or(layer);
    let pattern = said.map.get("alpha_pattern").and_then(Value::as_object);
    // PEFT's patterns are regular expressions that match the end of a layer's name.
    let matches = |pattern: &str| {
        regex::Regex::new(&format!(r"^(?:.*\.)?(?:{pattern})$"))
            .is_ok_and(|regex| regex.is_match(layer))
    };
    let special = pattern
        .and_then(|patterns| patterns.iter().find(|(key, _)| matches(key)))
        .and_then(|(_, v)| v.as_f64());
    let alpha = special.or_else(|| said.map.get("lora_alpha")?.as_f64()).unwrap_or(rank as f64);
    let root = said.map.get("use_rslora") == Some(&Value::Bool(true));
    alpha / if root { (rank as f64).sqrt() } else { rank as f64 }
}
