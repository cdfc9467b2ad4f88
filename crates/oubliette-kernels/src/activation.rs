//! Elementwise activations: SiLU, GELU and its sigmoid approximation.

use burn::tensor::{Tensor, activation};

/// `x * sigmoid(x)`, elementwise (Hendrycks and Gimpel, arXiv 1606.08415; also called swish).
pub fn silu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    activation::silu(x)
}

/// `x * Phi(x)` with the normal distribution function written through `erf`, elementwise (arXiv 1606.08415).
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    activation::gelu(x)
}

/// `x * sigmoid(1.702 x)`, elementwise: the GELU of OpenAI's CLIP.
pub fn quick_gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.clone() * activation::sigmoid(x * 1.702)
}
