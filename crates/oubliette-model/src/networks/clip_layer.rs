//! The transformer layer of CLIP, the same for text and pictures.

use burn::tensor::Tensor;
use oubliette_kernels::{self as kernels, Mask};

use crate::networks::activation::Act;
use crate::networks::shapes::ShapeScope;
use crate::scope::Scope;

/// Layers that normalise first, then attend, then feed forward.
#[derive(Clone, Debug)]
pub(crate) struct ClipLayers {
    pub(crate) width: usize,
    pub(crate) heads: usize,
    pub(crate) inner: usize,
    pub(crate) layers: usize,
    pub(crate) act: Act,
    pub(crate) eps: f64,
}

impl ClipLayers {
    pub(crate) fn shapes(&self, at: &mut ShapeScope<'_>) {
        for layer in 0..self.layers {
            let mut at = at.at(format_args!("layers.{layer}"));
            for name in ["q_proj", "k_proj", "v_proj", "out_proj"] {
                at.linear(format_args!("self_attn.{name}"), self.width, self.width);
            }
            at.norm("layer_norm1", self.width);
            at.linear("mlp.fc1", self.width, self.inner);
            at.linear("mlp.fc2", self.inner, self.width);
            at.norm("layer_norm2", self.width);
        }
    }

    /// `x` (batch, tokens, width); returns what went into the last layer, too.
    pub(crate) fn forward(
        &self,
        at: &Scope<'_>,
        mut x: Tensor<3>,
        mask: Mask,
    ) -> (Tensor<3>, Tensor<3>) {
        let mut before = x.clone();
        for layer in 0..self.layers {
            before = x.clone();
            x = self.layer(&at.at(format_args!("layers.{layer}")), x, mask);
        }
        (before, x)
    }

    fn layer(&self, at: &Scope<'_>, x: Tensor<3>, mask: Mask) -> Tensor<3> {
        let h = at.at("layer_norm1").layer_norm(x.clone(), self.eps);
        let attn = at.at("self_attn");
        let [q, k, v] = ["q_proj", "k_proj", "v_proj"].map(|name| attn.at(name).linear(h.clone()));
        let h = kernels::attention(q, k, v, self.heads, mask);
        let x = x + attn.at("out_proj").linear(h);
        let h = at.at("layer_norm2").layer_norm(x.clone(), self.eps);
        let h = self.act.apply(at.at("mlp.fc1").linear(h));
        x + at.at("mlp.fc2").linear(h)
    }
}
