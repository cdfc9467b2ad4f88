//! Weights of one network as a safetensors file.

use std::collections::BTreeMap;
use std::path::Path;

use half::{bf16, f16};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::device::Precision;
use crate::error::{Error, Result};
use crate::networks::Shapes;
use crate::weights::Weights;

/// Writes the weights with the shapes that the network's configuration gives them.
///
/// # Errors
/// A weight is missing or is not finite in this precision; the file cannot be written.
pub(super) fn write(
    path: &Path,
    shapes: &Shapes,
    weights: &Weights,
    precision: Precision,
) -> Result<()> {
    let held: BTreeMap<&str, Vec<f32>> = weights
        .iter()
        .map(|(name, weight)| {
            (name.split_once('/').map_or(&name[..], |(_, n)| n), weight.to_f32_vec())
        })
        .collect();
    let mut bytes = BTreeMap::new();
    for name in shapes.keys() {
        let values = held.get(name.as_str()).ok_or_else(|| wrong(path, name, "was not trained"))?;
        bytes.insert(
            name,
            encode(values, precision)
                .ok_or_else(|| wrong(path, name, "is not finite: the training diverged"))?,
        );
    }
    let dtype = match precision {
        Precision::F32 => Dtype::F32,
        Precision::F16 => Dtype::F16,
        Precision::Bf16 => Dtype::BF16,
    };
    let views = bytes.iter().map(|(name, bytes)| {
        let view = TensorView::new(dtype, shapes[*name].clone(), bytes);
        (*name, view.expect("a weight has as many numbers as its shape says"))
    });
    let about = [("format".to_owned(), "pt".to_owned())].into_iter().collect();
    let file = safetensors::serialize(views, Some(about)).expect("names and sizes are in order");
    std::fs::write(path, file).map_err(Error::write(path))
}

fn wrong(path: &Path, name: &str, why: &str) -> Error {
    Error::tensor(path, name, why, "train with a smaller learning rate")
}

/// Little-endian bytes; none where a number is not finite.
fn encode(values: &[f32], precision: Precision) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(values.len() * precision.bytes());
    for &value in values {
        let finite = match precision {
            Precision::F32 => {
                bytes.extend(value.to_le_bytes());
                value.is_finite()
            }
            Precision::F16 => {
                bytes.extend(f16::from_f32(value).to_le_bytes());
                f16::from_f32(value).is_finite()
            }
            Precision::Bf16 => {
                bytes.extend(bf16::from_f32(value).to_le_bytes());
                bf16::from_f32(value).is_finite()
            }
        };
        if !finite {
            return None;
        }
    }
    Some(bytes)
}
