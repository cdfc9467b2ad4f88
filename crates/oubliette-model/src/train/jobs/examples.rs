//! Examples to learn from, and batches of them as tensors.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::{Device, Int, Tensor, TensorData};
use image::RgbImage;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::tokenizer::ClipTokenizer;

/// A picture with what is said about it.
#[derive(Clone, Debug)]
pub struct Example {
    /// The picture; all pictures of a source have one size.
    pub picture: RgbImage,
    /// The caption.
    pub caption: String,
    /// What a classifier may learn: a label for each of some names, such as `object` and `style`.
    pub labels: BTreeMap<String, String>,
}

/// A numbered source of examples: the same number always gives the same example.
pub trait Examples: Sync {
    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The example of that number.
    ///
    /// # Errors
    /// It cannot be read.
    fn example(&self, index: usize) -> Result<Example>;
}

/// The examples of these numbers, made in parallel.
///
/// # Errors
/// One of them cannot be read.
pub(super) fn gather(source: &dyn Examples, indices: &[usize]) -> Result<Vec<Example>> {
    indices.par_iter().map(|&index| source.example(index)).collect()
}

/// Pictures as a tensor (batch, 3, height, width) in −1..1.
///
/// # Errors
/// Their sizes differ, or there are none.
pub(super) fn pixels<'a>(
    pictures: impl IntoIterator<Item = &'a RgbImage>,
    device: &Device,
) -> Result<Tensor<4>> {
    let pictures: Vec<_> = pictures.into_iter().collect();
    let sizes: BTreeSet<_> = pictures.iter().map(|p| p.dimensions()).collect();
    let [(width, height)] = sizes.iter().copied().collect::<Vec<_>>()[..] else {
        let why = format!("has pictures of {} sizes", sizes.len());
        return Err(Error::setting("data", why, "scale all pictures to one size"));
    };
    let shape = [pictures.len(), 3, height as usize, width as usize];
    let mut values = Vec::with_capacity(shape.iter().product());
    for picture in pictures {
        for channel in 0..3 {
            let plane = picture.pixels().map(|pixel| f32::from(pixel.0[channel]) / 127.5 - 1.0);
            values.extend(plane);
        }
    }
    Ok(Tensor::from_data(TensorData::new(values, shape), device))
}

/// Texts as token ids (batch, tokens).
///
/// # Errors
/// A text is absurdly long.
pub(super) fn tokens(
    tokenizer: &ClipTokenizer,
    texts: &[String],
    device: &Device,
) -> Result<Tensor<2, Int>> {
    let mut ids = Vec::with_capacity(texts.len() * tokenizer.length());
    for text in texts {
        ids.extend(tokenizer.encode(text)?.ids.into_iter().map(i64::from));
    }
    Ok(Tensor::from_data(TensorData::new(ids, [texts.len(), tokenizer.length()]), device))
}
