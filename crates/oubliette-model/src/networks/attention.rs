//! Multi-head attention with diffusers' names: `to_q`, `to_k`, `to_v`, `to_out.0`.

use burn::tensor::{DType, Tensor};
use oubliette_kernels::{self as kernels, Mask};

use crate::networks::shapes::ShapeScope;
use crate::networks::watched::Attended;
use crate::scope::Scope;

/// Attention of `width` channels to a context of `context` channels.
#[derive(Clone, Debug)]
pub(crate) struct Attention {
    pub(crate) width: usize,
    pub(crate) context: usize,
    pub(crate) heads: usize,
    /// Whether queries, keys and values have biases (the autoencoder's do).
    pub(crate) bias: bool,
    /// Whether scores are computed in `f32` whatever the weights' format.
    pub(crate) upcast: bool,
}

impl Attention {
    pub(crate) fn shapes(&self, at: &mut ShapeScope<'_>) {
        for (name, input) in [("to_q", self.width), ("to_k", self.context), ("to_v", self.context)]
        {
            at.linear_without_bias(name, input, self.width);
            if self.bias {
                at.at(name).add("bias", &[self.width]);
            }
        }
        at.linear("to_out.0", self.width, self.width);
    }

    /// `x` (batch, tokens, width) looks at `context` (batch, other tokens, context).
    pub(crate) fn forward(
        &self,
        at: &Scope<'_>,
        x: Tensor<3>,
        context: Option<&Tensor<3>>,
    ) -> Tensor<3> {
        let seen = context.cloned().unwrap_or_else(|| x.clone());
        let q = at.at("to_q").linear(x);
        let k = at.at("to_k").linear(seen.clone());
        let v = at.at("to_v").linear(seen);
        if let (Some(watched), Some(_)) = (at.watcher(), context) {
            let (queries, keys) = (q.clone(), k.clone());
            watched.add(Attended { queries, keys, heads: self.heads, erased: None });
        }
        at.at("to_out.0").linear(self.attend(q, k, v))
    }

    fn attend(&self, q: Tensor<3>, k: Tensor<3>, v: Tensor<3>) -> Tensor<3> {
        let dtype = q.dtype();
        if !self.upcast || dtype == DType::F32 {
            return kernels::attention(q, k, v, self.heads, Mask::None);
        }
        let [q, k, v] = [q, k, v].map(|tensor| tensor.cast(DType::F32));
        kernels::attention(q, k, v, self.heads, Mask::None).cast(dtype)
    }
}
