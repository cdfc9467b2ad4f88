//! What parts keep between steps, as a safetensors file beside the checkpoint.

use std::path::Path;

use burn::tensor::{DType, Device};
use oubliette_model::{
    Weight, Weights,
    store::{TensorFile, save_floats},
};
use serde_json::json;

use crate::Result;

/// Writes all tensors as 32-bit floats; the file is whole or not there.
pub(crate) fn save(path: &Path, all: &Weights) -> Result<()> {
    Ok(save_floats(path, &all.by_name(), json!({}))?)
}

/// Reads them back.
pub(crate) fn load(path: &Path, device: &Device) -> Result<Weights> {
    let file = TensorFile::open(path)?;
    let read = |(name, entry): (&String, _)| {
        let values = file.read(name)?;
        let entry: &oubliette_model::store::Entry = entry;
        Ok((name.clone(), Weight::from_f32(values, &entry.shape, device, DType::F32)))
    };
    file.entries().iter().map(read).collect()
}
