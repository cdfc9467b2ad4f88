//! The files of what is attached: read as if their writer meant harm, checked against the denoiser, written with a schema.

use std::path::Path;

use burn::tensor::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ATTACHED, Attached, MAX_RANK, adapter_names, eraser_name};
use crate::device::Precision;
use crate::error::{Error, Result};
use crate::store::{Folder, NewFolder, TensorFile, read_object, save_floats};
use crate::weights::{Weight, Weights};

/// The name of the file beside a model's components that says what is attached.
pub const ATTACHED_FILE: &str = "oubliette_attached.json";
/// The file with the weights of it.
pub(crate) const WEIGHTS_FILE: &str = "oubliette_attached.safetensors";

const MAX_BYTES: u64 = 1 << 20;
/// The most adapters, and the most texts of all of them together.
const MAX_TEXTS: usize = 1000;
const SCHEMA: u64 = 1;
const AGAIN: &str = "take the model's folder from its source again";

/// What a model's folder says is attached to its denoiser.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Attached")]
pub struct AttachedFile {
    /// The version of the format: 1.
    #[schemars(extend("const" = 1))]
    pub schema: u64,
    /// What is attached; its weights are in `oubliette_attached.safetensors`.
    pub attached: Attached,
}

/// What a folder says is attached, where it says so.
pub(crate) fn read(folder: &Folder) -> Result<Option<Attached>> {
    let Some(path) = folder.optional(ATTACHED_FILE)? else { return Ok(None) };
    let map = read_object(&path, MAX_BYTES)?;
    if map.get("schema").and_then(Value::as_u64) != Some(SCHEMA) {
        return Err(Error::config(&path, "schema", "is not 1", "use the version that wrote it"));
    }
    let file: AttachedFile = serde_json::from_value(Value::Object(map))
        .map_err(|error| Error::config(&path, "attached", error.to_string(), AGAIN))?;
    if let Attached::GatedAdapters { texts } = &file.attached {
        let short = |text: &String| (1..=4096).contains(&text.trim().len());
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_id = |id: &str| (1..=64).contains(&id.len()) && id.chars().all(plain);
        let fine = texts
            .iter()
            .all(|(id, texts)| is_id(id) && !texts.is_empty() && texts.iter().all(short));
        let count = texts.values().map(Vec::len).sum();
        if !(1..=MAX_TEXTS).contains(&count) || !fine {
            let why = "holds no text, more than 1000, or an adapter without an id or texts of 1 to 4096 bytes";
            return Err(Error::config(&path, "texts", why, AGAIN));
        }
    }
    Ok(Some(file.attached))
}

/// The weights of what is attached, fitted to the denoiser in `base`.
pub(crate) fn read_weights(
    folder: &Folder,
    attached: &Attached,
    base: &Weights,
    device: &Device,
    precision: Precision,
) -> Result<Weights> {
    let file = TensorFile::open(&folder.path(WEIGHTS_FILE)?)?;
    let mut wanted = Weights::new();
    for (name, weight) in base.iter().filter(|(name, _)| name.starts_with("unet/")) {
        for (name, shape) in beside(attached, name, weight.shape()) {
            let Some(entry) = file.entries().get(&name) else { continue };
            if !fits(&shape, &entry.shape) {
                let why = format!("has a shape ({:?}) that does not fit the denoiser", entry.shape);
                return Err(Error::tensor(file.path(), &name, why, AGAIN));
            }
            let values = file.read(&name)?;
            let weight = Weight::from_f32(values, &entry.shape, device, precision.dtype());
            wanted.insert(format!("{ATTACHED}/{name}"), weight);
        }
    }
    let stray = file.entries().keys().find(|name| !wanted.contains(&format!("{ATTACHED}/{name}")));
    match stray {
        Some(name) => {
            let why = "belongs to nothing in this denoiser";
            Err(Error::tensor(file.path(), name, why, AGAIN))
        }
        None if wanted.is_empty() => Err(Error::file(file.path(), "holds no weight", AGAIN)),
        None => halves(file.path(), attached, &wanted).map(|()| wanted),
    }
}

/// In a shape: any rank.
const RANK: usize = 0;

fn fits(wanted: &[usize], shape: &[usize]) -> bool {
    let fits = |(wanted, side): (&usize, &usize)| match *wanted {
        RANK => (1..=MAX_RANK).contains(side),
        wanted => *side == wanted,
    };
    wanted.len() == shape.len() && wanted.iter().zip(shape).all(fits)
}

/// The names in the file, and shapes, of what may be attached beside one weight of the denoiser.
fn beside(attached: &Attached, name: &str, shape: &[usize]) -> Vec<(String, Vec<usize>)> {
    let strip = |name: String| name[ATTACHED.len() + 1..].to_owned();
    let (&[outputs, inputs] | &[outputs, inputs, 1, 1]) = shape else { return Vec::new() };
    match attached {
        Attached::Erasers {} => {
            let Some(place) = eraser_name(name).map(strip) else { return Vec::new() };
            let part = |part: &str, shape: &[usize]| (format!("{place}.{part}"), shape.to_vec());
            vec![
                part("down.weight", &[RANK, outputs]),
                part("down.bias", &[RANK]),
                part("up.weight", &[outputs, RANK]),
                part("up.bias", &[outputs]),
            ]
        }
        Attached::GatedAdapters { texts } => {
            let pairs = texts.keys().filter_map(|id| adapter_names(name, id));
            let both = pairs.flat_map(|[down, up]| {
                [(strip(down), vec![RANK, inputs]), (strip(up), vec![outputs, RANK])]
            });
            both.collect()
        }
    }
}

/// Every half needs the other one, of the same rank, and every adapter a pair at least.
fn halves(path: &Path, attached: &Attached, weights: &Weights) -> Result<()> {
    for (name, weight) in weights {
        let short = &name[ATTACHED.len() + 1..];
        let refuse = |why: &str| Err(Error::tensor(path, short, why, AGAIN));
        let shape = |name: String| weights.get(&name).map(|other| other.shape().to_vec());
        for (down, up) in [(".down", ".up"), (".down.weight", ".up.weight")] {
            if let Some(place) = name.strip_suffix(down) {
                let other = shape(format!("{place}{up}"));
                if other.is_none_or(|other| other[1] != weight.shape()[0]) {
                    return refuse("lacks its other half, or differs from it in rank");
                }
            }
            let other = name.strip_suffix(up).map(|place| shape(format!("{place}{down}")));
            if other.is_some_and(|other| other.is_none()) {
                return refuse("lacks its other half");
            }
        }
        if let Some(place) = name.strip_suffix(".bias") {
            let own = shape(format!("{place}.weight"));
            if own.is_none_or(|own| own[0] != weight.shape()[0]) {
                return refuse("lacks the weight that it belongs to, or differs from it in size");
            }
        }
    }
    let Attached::GatedAdapters { texts } = attached else { return Ok(()) };
    let has =
        |id: &String| weights.names().any(|name| name.ends_with(&format!(".adapter.{id}.up")));
    match texts.keys().find(|id| !has(id)) {
        None => Ok(()),
        Some(id) => Err(Error::file(path, format!("holds no weight of the adapter `{id}`"), AGAIN)),
    }
}

/// Writes both files into a folder that is being made.
pub(crate) fn write(new: &NewFolder, attached: &Attached, weights: &Weights) -> Result<()> {
    let file = AttachedFile { schema: SCHEMA, attached: attached.clone() };
    let value = serde_json::to_value(&file).expect("plain values with text keys can be written");
    new.write_json(ATTACHED_FILE, &value)?;
    let inside = weights.within(ATTACHED);
    save_floats(&new.place(Path::new(WEIGHTS_FILE))?, &inside.by_name(), json!({"format": "pt"}))
}
