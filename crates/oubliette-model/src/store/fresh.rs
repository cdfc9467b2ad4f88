//! Writes weights into new safetensors files, tensor by tensor.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::device::Precision;
use crate::error::{Error, Result};
use crate::networks::Shapes;
use crate::store::atomic::replaced;
use crate::store::header::Stored;
use crate::store::tensor_file::encode;
use crate::weights::{Weight, Weights};

/// Writes the weights `prefix/name` of a network with these `shapes` to `path`, under the plain
/// names, in alphabetical order.
///
/// # Errors
/// A weight is missing or cannot be held in that precision, or the file cannot be written.
pub(crate) fn write_weights(
    path: &Path,
    weights: &Weights,
    prefix: &str,
    shapes: &Shapes,
    precision: Precision,
) -> Result<()> {
    let file = File::create(path).map_err(Error::write(path))?;
    let mut out = BufWriter::new(file);
    let notes = json!({"format": "pt"});
    let entries = shapes.iter().map(|(name, shape)| (name, shape.as_slice()));
    out.write_all(&header(entries, precision, notes)).map_err(Error::write(path))?;
    for name in shapes.keys() {
        let bytes = bytes(path, weights, &format!("{prefix}/{name}"), precision)?;
        out.write_all(&bytes).map_err(Error::write(path))?;
    }
    let file = out.into_inner().map_err(io::IntoInnerError::into_error);
    file.and_then(|file| file.sync_all()).map_err(Error::write(path))
}

fn bytes(path: &Path, weights: &Weights, name: &str, precision: Precision) -> Result<Vec<u8>> {
    let Some(weight) = weights.get(name) else {
        return Err(Error::tensor(path, name, "is missing", "give all weights of the network"));
    };
    encode(&weight.to_f32_vec(), stored(precision)).map_err(|value| {
        let why = format!("holds {value}, which is no finite {precision} number");
        Error::tensor(path, name, why, "train with a lower rate, or write f32")
    })
}

fn stored(precision: Precision) -> Stored {
    match precision {
        Precision::F32 => Stored::F32,
        Precision::F16 => Stored::F16,
        Precision::Bf16 => Stored::Bf16,
    }
}

/// Puts a file of 32-bit floats in the place of `path`, one tensor after another: none is in memory twice but the one that is
/// being written, and no reader ever finds half a file.
///
/// # Errors
/// It cannot be written; what was there before is then still there.
pub fn save_floats(path: &Path, tensors: &BTreeMap<String, &Weight>, notes: Value) -> Result<()> {
    replaced(path, |file| {
        let mut out = BufWriter::new(file);
        let entries = tensors.iter().map(|(name, weight)| (name, weight.shape()));
        out.write_all(&header(entries, Precision::F32, notes))?;
        for weight in tensors.values() {
            for value in weight.to_f32_vec() {
                out.write_all(&value.to_le_bytes())?;
            }
        }
        out.flush()
    })
}

/// Length and JSON of the header, padded with blanks to whole eights as the format wants it.
fn header<'a>(
    entries: impl Iterator<Item = (&'a String, &'a [usize])>,
    precision: Precision,
    notes: Value,
) -> Vec<u8> {
    let mut map = Map::new();
    map.insert("__metadata__".into(), notes);
    let mut end = 0;
    for (name, shape) in entries {
        let start = end;
        end += shape.iter().product::<usize>() * precision.bytes();
        let dtype = stored(precision).name();
        let entry = json!({"dtype": dtype, "shape": shape, "data_offsets": [start, end]});
        map.insert(name.clone(), entry);
    }
    let mut text = Value::Object(map).to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut header = (text.len() as u64).to_le_bytes().to_vec();
    header.append(&mut text);
    header
}
