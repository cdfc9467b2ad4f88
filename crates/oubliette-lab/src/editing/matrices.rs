//! The matrices that closed forms change, in double precision and back.

use burn::tensor::DType;
use oubliette_model::{Select, Weight, Weights};

use crate::Result;

/// Keys and values of every cross-attention.
pub(crate) fn keys_and_values(weights: &Weights) -> Result<Weights> {
    let select =
        Select { include: vec!["attn2-kv".to_owned()], exclude: vec!["*.bias".to_owned()] };
    Ok(weights.only(&select.names(weights)?))
}

/// A matrix in double precision, row-major.
pub(crate) fn matrix(weight: &Weight) -> Vec<f64> {
    weight.to_f32_vec().into_iter().map(f64::from).collect()
}

/// New values in an old weight's shape and format.
pub(crate) fn like(old: &Weight, new: Vec<f64>) -> Weight {
    // Values in half precision would lose the edit's own precision before the cast to the file's format.
    let new = new.into_iter().map(|value| value as f32).collect();
    Weight::from_f32(new, old.shape(), &old.device(), DType::F32).to(&old.device(), old.dtype())
}
