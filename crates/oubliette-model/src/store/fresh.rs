//! Writes weights into a new safetensors file, tensor by tensor.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::device::Precision;
use crate::error::{Error, Result};
use crate::networks::Shapes;
use crate::store::header::Stored;
use crate::store::tensor_file::encode;
use crate::weights::Weights;

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
    out.write_all(&header(shapes, precision)).map_err(Error::write(path))?;
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

/// Length and JSON of the header, padded with blanks to whole eights as the format wants it.
fn header(shapes: &Shapes, precision: Precision) -> Vec<u8> {
    let mut map = Map::new();
    map.insert("__metadata__".into(), json!({"format": "pt"}));
    let mut end = 0;
    for (name, shape) in shapes {
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
