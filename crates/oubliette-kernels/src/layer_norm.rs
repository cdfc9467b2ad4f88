//! Layer normalisation of the last axis.

use burn::tensor::Tensor;

/// Layer normalisation (arXiv 1607.06450) of the last axis of `x` (.., c) with `gamma` and `beta` (c).
///
/// # Panics
/// When `gamma` or `beta` is not (c).
pub fn layer_norm<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    eps: f64,
) -> Tensor<D> {
    let width = x.dims()[D - 1];
    assert_eq!(gamma.dims(), [width], "layer_norm: shape of gamma");
    assert_eq!(beta.dims(), [width], "layer_norm: shape of beta");
    composed(x, gamma, beta, eps)
}

fn composed<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    eps: f64,
) -> Tensor<D> {
    if x.dims().contains(&0) {
        return x;
    }
    let x = x.clone() - x.mean_dim(D - 1);
    let variance = x.clone().powi_scalar(2).mean_dim(D - 1);
    let x = x / (variance + eps).sqrt();
    x * gamma.unsqueeze() + beta.unsqueeze()
}
