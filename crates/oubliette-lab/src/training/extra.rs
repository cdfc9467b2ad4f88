//! What parts keep between steps, as a safetensors file beside the checkpoint.

use std::path::Path;

use burn::tensor::{DType, Device};
use oubliette_model::{
    Weight, Weights,
    store::{TensorFile, save_floats},
};
use serde_json::json;

use crate::Result;

/// Writes all tensors as 32-bit floats, with the names of shorter formats that they had; the file is whole or not there.
pub(crate) fn save(path: &Path, all: &Weights) -> Result<()> {
    let format = |(name, weight): (&String, &Weight)| match weight.dtype() {
        DType::F32 => None,
        other => Some((name.clone(), json!(format!("{other:?}")))),
    };
    let formats: serde_json::Map<_, _> = all.iter().filter_map(format).collect();
    Ok(save_floats(path, &all.by_name(), formats.into())?)
}

/// Reads them back, each in the format that it had.
pub(crate) fn load(path: &Path, device: &Device) -> Result<Weights> {
    let file = TensorFile::open(path)?;
    let format = |name: &String| match file.notes().get(name).map(String::as_str) {
        Some("BF16") => DType::BF16,
        Some("F16") => DType::F16,
        _ => DType::F32,
    };
    let read = |(name, entry): (&String, _)| {
        let values = file.read(name)?;
        let entry: &oubliette_model::store::Entry = entry;
        Ok((name.clone(), Weight::from_f32(values, &entry.shape, device, format(name))))
    };
    file.entries().iter().map(read).collect()
}
