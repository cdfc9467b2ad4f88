//! Layer normalisation of the last axis.

use std::sync::Arc;

use burn::tensor::Tensor;

use crate::array::Array;
use crate::buffer::{Parts, unwritten};
use crate::engine::level::{fma, for_each_level};
use crate::engine::reduce::{add_rows_to, squares_around_body, sum_body, sum_of_products};
use crate::op::{Kernel, apply, takes};
use crate::parallel;

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
    if !takes(&x) || !takes(&gamma) || !takes(&beta) {
        return composed(x, gamma, beta, eps);
    }
    let inputs = [x.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch()];
    Tensor::from_dispatch(apply(LayerNorm { eps: eps as f32 }, inputs))
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

/// Inputs: x, gamma, beta.
#[derive(Clone, Debug)]
struct LayerNorm {
    eps: f32,
}

/// Mean and inverse deviation of each row.
type Statistics = Arc<Vec<f32>>;

/// Rows of one task, whose sums for gamma and beta are added up before they join the others'.
const ROWS: usize = 64;

impl Kernel<3> for LayerNorm {
    type Saved = Statistics;
    const CHEAP: bool = true;

    fn forward(&self, [x, gamma, beta]: [Array; 3]) -> (Array, Statistics) {
        let width = gamma.data().len().max(1);
        let mut y = unwritten(x.data().len());
        let mut statistics = unwritten(2 * (y.len() / width));
        let saved = Parts::new(&mut statistics);
        parallel::chunks(&mut y, ROWS * width, 4 * x.data().len(), |task, y| {
            let x = &x.data()[task * ROWS * width..][..y.len()];
            // SAFETY: each task has its own rows.
            let saved = unsafe { saved.part(2 * task * ROWS, 2 * (y.len() / width)) };
            rows_normalise(x, self.eps, gamma.data(), beta.data(), saved, y);
        });
        (Array::new(y, x.shape()), Arc::new(statistics))
    }

    fn reads(&self, [x, gamma, _]: [bool; 3]) -> [bool; 3] {
        [x || gamma, x, false]
    }

    fn backward(
        &self,
        [x, gamma, _]: [Option<Array>; 3],
        saved: Statistics,
        gradient: Array,
        wanted: [bool; 3],
    ) -> [Option<Array>; 3] {
        let shape = gradient.shape();
        let width = shape[shape.len() - 1];
        let rows = saved.len() / 2;
        let gradient_x = match (&x, &gamma) {
            (Some(x), Some(gamma)) if wanted[0] => {
                let mut dx = unwritten(x.data().len());
                parallel::chunks(&mut dx, ROWS * width.max(1), 8 * x.data().len(), |task, dx| {
                    let from = task * ROWS;
                    let (x, gradient) =
                        (&x.data()[from * width..], &gradient.data()[from * width..]);
                    rows_gradient(x, gradient, gamma.data(), &saved[2 * from..], dx);
                });
                Some(Array::new(dx, shape))
            }
            _ => None,
        };
        let mut totals = vec![0.0; 2 * width];
        if (wanted[1] || wanted[2]) && width * rows > 0 {
            let x = x.as_ref().map(Array::data);
            let mut sums = unwritten(rows.div_ceil(ROWS) * 2 * width);
            parallel::chunks(&mut sums, 2 * width, 4 * rows * width, |task, sums| {
                let from = task * ROWS;
                let until = rows.min(from + ROWS);
                let gradient = &gradient.data()[from * width..until * width];
                let x = x.map(|x| &x[from * width..until * width]);
                let (gamma, beta) = sums.split_at_mut(width);
                affine_sums(x, gradient, &saved[2 * from..2 * until], gamma, beta);
            });
            add_rows_to(&sums, &mut totals);
        }
        let total = |i: usize| Array::new(totals[i * width..][..width].to_vec(), &[width]);
        [gradient_x, wanted[1].then(|| total(0)), wanted[2].then(|| total(1))]
    }
}

for_each_level! {
    fn rows_normalise(x: &[f32], eps: f32, gamma: &[f32], beta: &[f32], saved: &mut [f32], y: &mut [f32]) = rows_normalise_body
}
for_each_level! {
    fn rows_gradient(x: &[f32], g: &[f32], gamma: &[f32], saved: &[f32], dx: &mut [f32]) = rows_gradient_body
}
for_each_level! {
    fn affine_sums(x: Option<&[f32]>, g: &[f32], saved: &[f32], gamma: &mut [f32], beta: &mut [f32]) = affine_sums_body
}

#[inline(always)]
fn rows_normalise_body<const FUSED: bool>(
    x: &[f32],
    eps: f32,
    gamma: &[f32],
    beta: &[f32],
    saved: &mut [f32],
    y: &mut [f32],
) {
    let width = gamma.len().max(1);
    let rows = x.chunks_exact(width).zip(y.chunks_exact_mut(width));
    for ((x, y), saved) in rows.zip(saved.chunks_exact_mut(2)) {
        let mean = sum_body::<FUSED>(x) / width as f32;
        let variance = squares_around_body::<FUSED>(x, mean) / width as f32;
        let scale = 1.0 / (variance + eps).sqrt();
        saved.copy_from_slice(&[mean, scale]);
        for (((y, x), gamma), beta) in y.iter_mut().zip(x).zip(gamma).zip(beta) {
            *y = fma::<FUSED>((x - mean) * scale, *gamma, *beta);
        }
    }
}

#[inline(always)]
fn rows_gradient_body<const FUSED: bool>(
    x: &[f32],
    gradient: &[f32],
    gamma: &[f32],
    saved: &[f32],
    dx: &mut [f32],
) {
    let width = gamma.len();
    let rows = x.chunks_exact(width).zip(gradient.chunks_exact(width)).zip(saved.chunks_exact(2));
    for (dx, ((x, gradient), saved)) in dx.chunks_exact_mut(width).zip(rows) {
        let (mean, scale) = (saved[0], saved[1]);
        for ((dx, gradient), gamma) in dx.iter_mut().zip(gradient).zip(gamma) {
            *dx = gradient * gamma;
        }
        let slope = sum_of_products::<FUSED>(dx, x, |x| x - mean) / width as f32 * scale * scale;
        let level = sum_body::<FUSED>(dx) / width as f32;
        for (dx, x) in dx.iter_mut().zip(x) {
            *dx = scale * (*dx - fma::<FUSED>(x - mean, slope, level));
        }
    }
}

#[inline(always)]
fn affine_sums_body<const FUSED: bool>(
    x: Option<&[f32]>,
    gradient: &[f32],
    saved: &[f32],
    gamma: &mut [f32],
    beta: &mut [f32],
) {
    let width = gamma.len();
    gamma.fill(0.0);
    beta.fill(0.0);
    for (row, (gradient, saved)) in
        gradient.chunks_exact(width).zip(saved.chunks_exact(2)).enumerate()
    {
        for (beta, gradient) in beta.iter_mut().zip(gradient) {
            *beta += gradient;
        }
        if let Some(x) = x {
            let x = &x[row * width..][..width];
            for ((gamma, x), gradient) in gamma.iter_mut().zip(x).zip(gradient) {
                *gamma = fma::<FUSED>((x - saved[0]) * saved[1], *gradient, *gamma);
            }
        }
    }
}
