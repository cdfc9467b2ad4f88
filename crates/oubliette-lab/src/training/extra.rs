//! What parts keep between steps, as a safetensors file beside the checkpoint.

use std::{collections::BTreeMap, fs, path::Path};

use burn::tensor::{DType, Device};
use oubliette_model::{Weight, Weights};
use safetensors::{
    SafeTensors,
    tensor::{Dtype, TensorView},
};

use crate::{Error, Result, run::write_whole};

/// Writes all tensors as 32-bit floats; the file is whole or not there.
pub(super) fn save(path: &Path, all: &Weights) -> Result<()> {
    let bytes =
        |weight: &Weight| weight.to_f32_vec().into_iter().flat_map(f32::to_le_bytes).collect();
    let tensors: BTreeMap<&String, (Vec<u8>, Vec<usize>)> =
        all.iter().map(|(name, weight)| (name, (bytes(weight), weight.shape().to_vec()))).collect();
    let views = tensors.iter().map(|(name, (bytes, shape))| {
        (
            name.as_str(),
            TensorView::new(Dtype::F32, shape.clone(), bytes).expect("four bytes a value"),
        )
    });
    let file = safetensors::serialize(views, None).map_err(|error| changed(path, &error))?;
    write_whole(path, &file)
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
