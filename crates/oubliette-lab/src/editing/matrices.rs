//! The matrices that closed forms change, in double precision and back.

use burn::tensor::DType;
use oubliette_model::{Select, Weight, Weights};
use serde::{Deserialize, Serialize};

use crate::{Result, cholesky::dot};

/// Which matrices of every cross-attention change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Matrices {
    /// Keys: where a text is looked for.
    Keys,
    /// Values: what a text says.
    Values,
    /// Both.
    Both,
}

impl Matrices {
    /// These matrices of `weights`, without biases.
    pub(crate) fn of(self, weights: &Weights) -> Result<Weights> {
        let include = match self {
            Self::Keys => r"re:^unet/.*\.attn2\.to_k\.",
            Self::Values => r"re:^unet/.*\.attn2\.to_v\.",
            Self::Both => "attn2-kv",
        };
        let select =
            Select { include: vec![include.to_owned()], exclude: vec!["*.bias".to_owned()] };
        Ok(weights.only(&select.names(weights)?))
    }
}

/// A change of rank one: along one direction of the inputs, the outputs move by what the old matrix makes of `shift`.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Where the input would have to move, of the matrix's width.
    pub shift: Vec<f64>,
    /// How much of `shift` an input takes: its product with this, of the matrix's width.
    pub along: Vec<f64>,
}

/// W0 + Σ (W0 shift) alongᵀ, row-major like `old`.
pub fn changed(old: &[f64], changes: &[Change]) -> Vec<f64> {
    let mut new = old.to_vec();
    for Change { shift, along } in changes {
        let width = along.len();
        for (row, before) in new.chunks_exact_mut(width).zip(old.chunks_exact(width)) {
            let moved = dot(before, shift);
            row.iter_mut().zip(along).for_each(|(value, along)| *value += moved * along);
        }
    }
    new
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
