//! Group normalisation, with an activation fused behind it.

use burn::tensor::{Tensor, activation};

/// What follows a normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// `y * sigmoid(y)`.
    Silu,
}

/// Group normalisation (arXiv 1803.08494) of `x` (n, c, h, w) with `gamma` and `beta` (c), followed by `act`.
///
/// Mean and biased variance are taken over the `c / groups` channels of a group and all its pixels.
///
/// # Panics
/// When `groups` does not divide the channels, or `gamma` or `beta` is not (c).
pub fn group_norm(
    x: Tensor<4>,
    groups: usize,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    eps: f64,
    act: Activation,
) -> Tensor<4> {
    let channels = x.dims()[1];
    assert!(
        groups > 0 && channels.is_multiple_of(groups),
        "group_norm: {channels} channels do not split into {groups} groups"
    );
    assert_eq!(gamma.dims(), [channels], "group_norm: shape of gamma");
    assert_eq!(beta.dims(), [channels], "group_norm: shape of beta");
    composed(x, groups, gamma, beta, eps, act)
}

fn composed(
    x: Tensor<4>,
    groups: usize,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    eps: f64,
    act: Activation,
) -> Tensor<4> {
    let dims @ [n, c, h, w] = x.dims();
    if dims.contains(&0) {
        return x;
    }
    let x = x.reshape([n, groups, c / groups * h * w]);
    let x = x.clone() - x.mean_dim(2);
    let variance = x.clone().powi_scalar(2).mean_dim(2);
    let x = (x / (variance + eps).sqrt()).reshape(dims);
    let y = x * gamma.reshape([1, c, 1, 1]) + beta.reshape([1, c, 1, 1]);
    match act {
        Activation::None => y,
        Activation::Silu => activation::silu(y),
    }
}
