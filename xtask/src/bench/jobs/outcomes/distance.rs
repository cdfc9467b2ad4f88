//! How far apart the denoisers of two models are that began as the same one.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use safetensors::{Dtype, SafeTensors};

/// The norm of the difference of all weights of `ours` and `theirs`, over that of what ours moved away from `original`.
pub(super) fn of(original: &Path, ours: &Path, theirs: &Path) -> Result<f64> {
    let bytes = |folder: &Path| {
        let file = folder.join("unet/diffusion_pytorch_model.safetensors");
        fs::read(&file).with_context(|| file.display().to_string())
    };
    let files = [bytes(original)?, bytes(ours)?, bytes(theirs)?];
    let [original, ours, theirs] = [
        SafeTensors::deserialize(&files[0])?,
        SafeTensors::deserialize(&files[1])?,
        SafeTensors::deserialize(&files[2])?,
    ];
    let (mut apart, mut moved) = (0.0, 0.0);
    for name in original.names() {
        let [before, own, other] =
            [values(&original, name)?, values(&ours, name)?, values(&theirs, name)?];
        if own.len() != before.len() || other.len() != before.len() {
            bail!("`{name}` has another size in one of the models");
        }
        apart += square(&own, &other);
        moved += square(&own, &before);
    }
    if moved == 0.0 {
        bail!("our model is the original: it has no way to measure a distance by");
    }
    Ok((apart / moved).sqrt())
}

fn values(file: &SafeTensors<'_>, name: &str) -> Result<Vec<f64>> {
    let tensor = file.tensor(name)?;
    if tensor.dtype() != Dtype::F32 {
        bail!("`{name}` is {:?}, not f32", tensor.dtype());
    }
    let value = |four: &[u8]| four.try_into().map(|four| f64::from(f32::from_le_bytes(four)));
    Ok(tensor.data().chunks_exact(4).map(value).collect::<Result<_, _>>()?)
}

fn square(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}
