//! One step of AdamW for one weight.

use burn::tensor::Tensor;

/// The numbers of one AdamW step, named as in PyTorch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamwSettings {
    /// Learning rate of this step.
    pub lr: f64,
    /// Decay of the mean of gradients and of the mean of their squares.
    pub betas: (f64, f64),
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled weight decay, multiplied by the learning rate.
    pub weight_decay: f64,
    /// Number of this step, from 1 on, for the correction of the moments' bias.
    pub step: usize,
}

/// A weight with the moments that AdamW keeps for it. Before the first step the moments are zeros.
#[derive(Clone, Debug)]
pub struct AdamwState<const D: usize> {
    /// The weight.
    pub weight: Tensor<D>,
    /// Running mean of the gradient.
    pub first: Tensor<D>,
    /// Running mean of the squared gradient.
    pub second: Tensor<D>,
}

impl<const D: usize> AdamwState<D> {
    /// The state before the first step.
    pub fn new(weight: Tensor<D>) -> Self {
        let (first, second) = (weight.zeros_like(), weight.zeros_like());
        Self { weight, first, second }
    }
}

/// One step of AdamW (arXiv 1711.05101) with PyTorch's arithmetic, on tensors outside autodiff.
///
/// The state is consumed, so that storage which nobody else holds is written in place.
///
/// # Panics
/// When the shapes of the four tensors differ or `step` is zero.
pub fn adamw<const D: usize>(
    state: AdamwState<D>,
    gradient: Tensor<D>,
    settings: &AdamwSettings,
) -> AdamwState<D> {
    let dims = state.weight.dims();
    assert!(settings.step > 0, "adamw: steps count from 1");
    for other in [state.first.dims(), state.second.dims(), gradient.dims()] {
        assert_eq!(other, dims, "adamw: weight, moments and gradient have one shape");
    }
    composed(state, gradient, settings)
}

fn composed<const D: usize>(
    state: AdamwState<D>,
    gradient: Tensor<D>,
    settings: &AdamwSettings,
) -> AdamwState<D> {
    let (beta1, beta2) = settings.betas;
    let step = settings.step as i32;
    let (correction1, correction2) = (1.0 - beta1.powi(step), 1.0 - beta2.powi(step));
    let first = state.first * beta1 + gradient.clone() * (1.0 - beta1);
    let second = state.second * beta2 + gradient.powi_scalar(2) * (1.0 - beta2);
    let root = second.clone().sqrt() / correction2.sqrt() + settings.eps;
    let decayed = state.weight * (1.0 - settings.lr * settings.weight_decay);
    let weight = decayed - first.clone() / root * (settings.lr / correction1);
    AdamwState { weight, first, second }
}
