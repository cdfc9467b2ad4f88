//! The activations of text and vision transformers, by the names that files use.

use burn::tensor::Tensor;
use oubliette_kernels as kernels;

use crate::error::Result;
use crate::store::Fields;

/// An activation between the two layers of a transformer's feed-forward part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// `x sigmoid(1.702 x)`
    QuickGelu,
    /// `x` times the normal distribution function, exactly.
    Gelu,
    /// `x sigmoid(x)`
    Silu,
}

impl Act {
    /// Reads the key `hidden_act`.
    pub(crate) fn read(fields: &Fields<'_>, default: Self) -> Result<Self> {
        let all = [("quick_gelu", Self::QuickGelu), ("gelu", Self::Gelu), ("silu", Self::Silu)];
        if fields.value("hidden_act").is_none() {
            Ok(default)
        } else {
            fields.choice("hidden_act", &all)
        }
    }

    pub(crate) fn apply(self, x: Tensor<3>) -> Tensor<3> {
        match self {
            Self::QuickGelu => kernels::quick_gelu(x),
            Self::Gelu => kernels::gelu(x),
            Self::Silu => kernels::silu(x),
        }
    }
}
