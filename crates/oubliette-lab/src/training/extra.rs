//! What parts keep between steps, as a safetensors file beside the checkpoint.

use std::{fs, path::Path};

use burn::tensor::{DType, Device};
use oubliette_model::{Weight, Weights, store::f32_file};
use safetensors::{SafeTensors, tensor::TensorView};

use crate::{Error, Result, run::write_whole};

/// Writes all tensors as 32-bit floats; the file is whole or not there.
pub(super) fn save(path: &Path, all: &Weights) -> Result<()> {
    write_whole(path, &f32_file(all))
}

/// Reads them back.
pub(super) fn load(path: &Path, device: &Device) -> Result<Weights> {
    let bytes = fs::read(path).map_err(Error::io("read", path))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| changed(path, &error))?;
    let weight = |view: &TensorView<'_>| {
        let values = view.data().as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four));
        Weight::from_f32(values.collect(), view.shape(), device, DType::F32)
    };
    Ok(file.tensors().iter().map(|(name, view)| (name.clone(), weight(view))).collect())
}

fn changed(path: &Path, error: &safetensors::SafeTensorError) -> Error {
    Error::Changed { path: path.to_owned(), thing: error.to_string() }
}
