//! Latents and step noise from a file, so that another program can be followed number by number.

use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::store::TensorFile;

/// The randomness of one picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    /// First latents with standard deviation one, (channels, height, width) in row-major order.
    pub latents: Vec<f32>,
    /// Noise for each call of the sampler; none where the sampler takes none or the seed should give it.
    pub step_noise: Vec<Vec<f32>>,
}

impl Given {
    /// Reads a safetensors file with `latents` (pictures, channels, height, width) and, for samplers that take noise,
    /// `step_noise` (pictures, calls, channels, height, width).
    ///
    /// # Errors
    /// When the file is not well-formed or its tensors do not fit each other.
    pub fn read(path: &Path) -> Result<Vec<Arc<Self>>> {
        let file = TensorFile::open(path)?;
        let shape = |name: &str| file.entries().get(name).map(|entry| entry.shape.clone());
        let wrong = |name: &str, wanted: &str| {
            Error::tensor(path, name, "has another shape", format!("give {wanted}"))
        };
        let Some(&[pictures, channels, height, width]) = shape("latents").as_deref() else {
            return Err(wrong("latents", "(pictures, channels, height, width)"));
        };
        let sides = [channels, height, width];
        let size = sides.into_iter().try_fold(1_usize, |size, side| size.checked_mul(side));
        let Some(size) = size.filter(|size| *size > 0 && pictures > 0) else {
            return Err(wrong("latents", "at least one picture, and at least one number of each"));
        };
        let latents = file.read("latents")?;
        let mut all: Vec<Self> = latents
            .chunks(size)
            .map(|chunk| Self { latents: chunk.to_vec(), step_noise: Vec::new() })
            .collect();
        if let Some(noise) = shape("step_noise") {
            let &[rows, calls, ..] = noise.as_slice() else {
                return Err(wrong("step_noise", "(pictures, calls, channels, height, width)"));
            };
            if rows != pictures || noise[2..] != sides || calls == 0 {
                return Err(wrong(
                    "step_noise",
                    "(pictures, calls, channels, height, width), as many as latents",
                ));
            }
            let values = file.read("step_noise")?;
            for (given, chunk) in all.iter_mut().zip(values.chunks(calls * size)) {
                given.step_noise = chunk.chunks(size).map(<[f32]>::to_vec).collect();
            }
        }
        Ok(all.into_iter().map(Arc::new).collect())
    }
}
