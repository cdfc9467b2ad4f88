//! Root-mean-square normalisation of the last axis.

use std::sync::Arc;

use burn::tensor::Tensor;

use crate::array::Array;
use crate::buffer::{Parts, unwritten};
use crate::engine::level::{fma, for_each_level};
use crate::engine::reduce::{add_rows_to, squares_around, sum_of_products};
use crate::op::{Kernel, apply, takes};
use crate::parallel;

/// `x / sqrt(mean(x^2) + eps) * gamma` over the last axis of `x` (.., c) with `gamma` (c) (arXiv 1910.07467).
///
/// # Panics
/// When `gamma` is not (c).
pub fn rms_norm<const D: usize>(x: Tensor<D>, gamma: Tensor<1>, eps: f64) -> Tensor<D> {
    let width = x.dims()[D - 1];
    assert_eq!(gamma.dims(), [width], "rms_norm: shape of gamma");
    if takes(&x) && takes(&gamma) {
        let inputs = [x.into_dispatch(), gamma.into_dispatch()];
        return Tensor::from_dispatch(apply(RmsNorm { eps: eps as f32 }, inputs));
    }
    if x.dims().contains(&0) {
        return x;
    }
    let square = x.clone().powi_scalar(2).mean_dim(D - 1);
    x / (square + eps).sqrt() * gamma.unsqueeze()
}

/// Inputs: x, gamma.
#[derive(Clone, Debug)]
struct RmsNorm {
    eps: f32,
}

/// Rows of one task, whose sums for gamma are added up before they join the others'.
const ROWS: usize = 64;

impl Kernel<2> for RmsNorm {
    /// The inverse root of each row.
    type Saved = Arc<Vec<f32>>;
    const CHEAP: bool = true;

    fn forward(&self, [x, gamma]: [Array; 2]) -> (Array, Self::Saved) {
        let width = gamma.data().len().max(1);
        let mut y = unwritten(x.data().len());
        let mut scales = unwritten(y.len() / width);
        let saved = Parts::new(&mut scales);
        parallel::chunks(&mut y, ROWS * width, 4 * x.data().len(), |task, y| {
            let x = &x.data()[task * ROWS * width..][..y.len()];
            // SAFETY: each task has its own rows.
            let saved = unsafe { saved.part(task * ROWS, y.len() / width) };
            for ((x, y), saved) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)).zip(saved) {
                let square = squares_around(x, 0.0) / width as f32;
                *saved = 1.0 / (square + self.eps).sqrt();
                scaled(x, *saved, gamma.data(), y);
            }
        });
        (Array::new(y, x.shape()), Arc::new(scales))
    }

    fn reads(&self, [x, gamma]: [bool; 2]) -> [bool; 2] {
        [x || gamma, x]
    }

    fn backward(
        &self,
        [x, gamma]: [Option<Array>; 2],
        saved: Self::Saved,
        gradient: Array,
        wanted: [bool; 2],
    ) -> [Option<Array>; 2] {
        let Some(x) = x else { return [None, None] };
        let shape = gradient.shape();
        let (width, rows) = (shape[shape.len() - 1], saved.len());
        let gradient_x = gamma.filter(|_| wanted[0]).map(|gamma| {
            let mut dx = unwritten(x.data().len());
            parallel::chunks(&mut dx, ROWS * width.max(1), 8 * x.data().len(), |task, dx| {
                let from = task * ROWS;
                let (x, gradient) = (&x.data()[from * width..], &gradient.data()[from * width..]);
                rows_gradient(x, gradient, gamma.data(), &saved[from..], dx);
            });
            Array::new(dx, shape)
        });
        let gradient_gamma = wanted[1].then(|| {
            let mut total = vec![0.0; width];
            if width * rows > 0 {
                let mut sums = unwritten(rows.div_ceil(ROWS) * width);
                parallel::chunks(&mut sums, width, 4 * rows * width, |task, sums| {
                    let (from, until) = (task * ROWS, rows.min((task + 1) * ROWS));
                    let rows = from * width..until * width;
                    let (x, gradient) = (&x.data()[rows.clone()], &gradient.data()[rows]);
                    gamma_sums(x, gradient, &saved[from..until], sums);
                });
                add_rows_to(&sums, &mut total);
            }
            Array::new(total, &[width])
        });
        [gradient_x, gradient_gamma]
    }
}

for_each_level! { fn scaled(x: &[f32], scale: f32, gamma: &[f32], y: &mut [f32]) = scaled_body }
for_each_level! {
    fn rows_gradient(x: &[f32], g: &[f32], gamma: &[f32], saved: &[f32], dx: &mut [f32]) = rows_gradient_body
}
for_each_level! { fn gamma_sums(x: &[f32], g: &[f32], saved: &[f32], sums: &mut [f32]) = gamma_sums_body }

#[inline(always)]
fn scaled_body<const FUSED: bool>(x: &[f32], scale: f32, gamma: &[f32], y: &mut [f32]) {
    for ((y, x), gamma) in y.iter_mut().zip(x).zip(gamma) {
        *y = x * scale * gamma;
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
    let rows = x.chunks_exact(width).zip(gradient.chunks_exact(width)).zip(saved);
    for (dx, ((x, gradient), scale)) in dx.chunks_exact_mut(width).zip(rows) {
        for ((dx, gradient), gamma) in dx.iter_mut().zip(gradient).zip(gamma) {
            *dx = gradient * gamma;
        }
        let slope = sum_of_products::<FUSED>(dx, x, |x| x) / width as f32 * scale * scale;
        for (dx, x) in dx.iter_mut().zip(x) {
            *dx = scale * fma::<FUSED>(-x, slope, *dx);
        }
    }
}

#[inline(always)]
fn gamma_sums_body<const FUSED: bool>(
    x: &[f32],
    gradient: &[f32],
    saved: &[f32],
    sums: &mut [f32],
) {
    let width = sums.len();
    sums.fill(0.0);
    for ((x, gradient), scale) in x.chunks_exact(width).zip(gradient.chunks_exact(width)).zip(saved)
    {
        for ((sum, x), gradient) in sums.iter_mut().zip(x).zip(gradient) {
            *sum = fma::<FUSED>(x * scale, *gradient, *sum);
        }
    }
}
