//! One step of AdamW for one weight.

use burn::tensor::Tensor;

use crate::array::Array;
use crate::buffer::Parts;
use crate::engine::level::for_each_level;
use crate::op::{plain, takes};
use crate::parallel;

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
    let tensors = [&state.weight, &state.first, &state.second, &gradient];
    if !tensors.into_iter().all(|x| takes(x) && !x.device().is_autodiff()) {
        return composed(state, gradient, settings);
    }
    let [mut weight, mut first, mut second] = [state.weight, state.first, state.second].map(array);
    fused(&mut weight, &mut first, &mut second, &array(gradient), &Factors::new(settings));
    let [weight, first, second] =
        [weight, first, second].map(|x| Tensor::from_dispatch(plain::wrap(x.into_tensor())));
    AdamwState { weight, first, second }
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

fn array<const D: usize>(x: Tensor<D>) -> Array {
    Array::from_tensor(plain::unwrap(x.into_dispatch()))
}

/// What a step multiplies by.
#[derive(Clone, Copy)]
struct Factors {
    keep: f32,
    rate: f32,
    betas: (f32, f32),
    /// One minus the betas, taken before rounding.
    news: (f32, f32),
    root: f32,
    eps: f32,
}

impl Factors {
    fn new(settings: &AdamwSettings) -> Self {
        let (beta1, beta2) = settings.betas;
        let step = settings.step as i32;
        Self {
            keep: (1.0 - settings.lr * settings.weight_decay) as f32,
            rate: (settings.lr / (1.0 - beta1.powi(step))) as f32,
            betas: (beta1 as f32, beta2 as f32),
            news: ((1.0 - beta1) as f32, (1.0 - beta2) as f32),
            root: (1.0 - beta2.powi(step)).sqrt().recip() as f32,
            eps: settings.eps as f32,
        }
    }
}

/// Values of one task.
const TOGETHER: usize = 1 << 14;

fn fused(
    weight: &mut Array,
    first: &mut Array,
    second: &mut Array,
    gradient: &Array,
    factors: &Factors,
) {
    let gradient = gradient.data();
    let weight = weight.data_mut();
    let (first, second) = (Parts::new(first.data_mut()), Parts::new(second.data_mut()));
    parallel::chunks(weight, TOGETHER, 4 * gradient.len(), |task, weight| {
        let from = task * TOGETHER;
        // SAFETY: each task has its own range.
        let (first, second) =
            unsafe { (first.part(from, weight.len()), second.part(from, weight.len())) };
        update(weight, first, second, &gradient[from..][..weight.len()], factors);
    });
}

for_each_level! {
    fn update(weight: &mut [f32], first: &mut [f32], second: &mut [f32], gradient: &[f32], factors: &Factors) = update_body
}

/// Each product is rounded before it is added, as in the composed form.
#[inline(always)]
fn update_body<const FUSED: bool>(
    weight: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    gradient: &[f32],
    factors: &Factors,
) {
    let moments = first.iter_mut().zip(second);
    for ((weight, (first, second)), gradient) in weight.iter_mut().zip(moments).zip(gradient) {
        *first = *first * factors.betas.0 + gradient * factors.news.0;
        *second = *second * factors.betas.1 + gradient * gradient * factors.news.1;
        let root = second.sqrt() * factors.root + factors.eps;
        *weight = *weight * factors.keep - *first / root * factors.rate;
    }
}
