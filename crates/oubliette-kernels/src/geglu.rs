//! The gated GELU of transformer feed-forwards.

use burn::tensor::{Tensor, activation};

/// `a * gelu(b)` for `x` = (a, b) side by side in the last axis: (b, n, 2d) gives (b, n, d) (arXiv 2002.05202).
///
/// The gate is the second half, as in diffusers.
///
/// # Panics
/// When the last axis is odd.
pub fn geglu(x: Tensor<3>) -> Tensor<3> {
    let width = x.dims()[2];
    assert!(width.is_multiple_of(2), "geglu: an odd width of {width} has no halves");
    composed(x)
}

fn composed(x: Tensor<3>) -> Tensor<3> {
    let half = x.dims()[2] / 2;
    let value = x.clone().narrow(2, 0, half);
    value * activation::gelu(x.narrow(2, half, half))
}
