//! Elementwise activations: SiLU, GELU and its sigmoid approximation.

use burn::tensor::{Tensor, activation};

use crate::array::Array;
use crate::buffer::unwritten;
use crate::engine::level::{fma, for_each_level};
use crate::engine::math::{self, sigmoid};
use crate::op::{Kernel, apply, takes};
use crate::parallel;

/// `x * sigmoid(x)`, elementwise (Hendrycks and Gimpel, arXiv 1606.08415; also called swish).
pub fn silu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if takes(&x) { fast(Unary::Silu, x) } else { activation::silu(x) }
}

/// `x * Phi(x)` with the normal distribution function written through `erf`, elementwise (arXiv 1606.08415).
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if takes(&x) { fast(Unary::Gelu, x) } else { activation::gelu(x) }
}

/// `x * sigmoid(1.702 x)`, elementwise: the GELU of OpenAI's CLIP.
pub fn quick_gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if takes(&x) { fast(Unary::QuickGelu, x) } else { x.clone() * activation::sigmoid(x * QUICK) }
}

const QUICK: f32 = 1.702;

fn fast<const D: usize>(unary: Unary, x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(apply(unary, [x.into_dispatch()]))
}

/// A function of one number.
#[derive(Clone, Copy, Debug)]
enum Unary {
    Silu,
    Gelu,
    QuickGelu,
}

/// Values of one task.
const TOGETHER: usize = 1 << 13;

impl Kernel<1> for Unary {
    type Saved = ();
    const CHEAP: bool = true;

    fn forward(&self, [x]: [Array; 1]) -> (Array, ()) {
        let mut y = unwritten(x.data().len());
        parallel::chunks(&mut y, TOGETHER, 4 * x.data().len(), |task, y| {
            let x = &x.data()[task * TOGETHER..][..y.len()];
            match self {
                Self::Silu => silu_of(x, y),
                Self::Gelu => gelu_of(x, y),
                Self::QuickGelu => quick_gelu_of(x, y),
            }
        });
        (Array::new(y, x.shape()), ())
    }

    fn reads(&self, _: [bool; 1]) -> [bool; 1] {
        [true]
    }

    fn backward(
        &self,
        [x]: [Option<Array>; 1],
        _: (),
        gradient: Array,
        _: [bool; 1],
    ) -> [Option<Array>; 1] {
        let Some(x) = x else { return [None] };
        let mut dx = unwritten(x.data().len());
        parallel::chunks(&mut dx, TOGETHER, 4 * x.data().len(), |task, dx| {
            let from = task * TOGETHER;
            let (x, gradient) =
                (&x.data()[from..][..dx.len()], &gradient.data()[from..][..dx.len()]);
            match self {
                Self::Silu => silu_gradient(x, gradient, dx),
                Self::Gelu => gelu_gradient(x, gradient, dx),
                Self::QuickGelu => quick_gelu_gradient(x, gradient, dx),
            }
        });
        [Some(Array::new(dx, x.shape()))]
    }
}

for_each_level! { fn silu_of(x: &[f32], y: &mut [f32]) = silu_body }
for_each_level! { fn gelu_of(x: &[f32], y: &mut [f32]) = gelu_body }
for_each_level! { fn quick_gelu_of(x: &[f32], y: &mut [f32]) = quick_gelu_body }
for_each_level! { fn silu_gradient(x: &[f32], g: &[f32], dx: &mut [f32]) = silu_gradient_body }
for_each_level! { fn gelu_gradient(x: &[f32], g: &[f32], dx: &mut [f32]) = gelu_gradient_body }
for_each_level! { fn quick_gelu_gradient(x: &[f32], g: &[f32], dx: &mut [f32]) = quick_gelu_gradient_body }

#[inline(always)]
fn silu_body<const FUSED: bool>(x: &[f32], y: &mut [f32]) {
    map(x, y, |x| x * sigmoid::<FUSED>(x));
}

#[inline(always)]
fn gelu_body<const FUSED: bool>(x: &[f32], y: &mut [f32]) {
    map(x, y, math::gelu::<FUSED>);
}

#[inline(always)]
fn quick_gelu_body<const FUSED: bool>(x: &[f32], y: &mut [f32]) {
    map(x, y, |x| x * sigmoid::<FUSED>(QUICK * x));
}

#[inline(always)]
fn silu_gradient_body<const FUSED: bool>(x: &[f32], gradient: &[f32], dx: &mut [f32]) {
    map_gradient(x, gradient, dx, math::silu_slope::<FUSED>);
}

#[inline(always)]
fn gelu_gradient_body<const FUSED: bool>(x: &[f32], gradient: &[f32], dx: &mut [f32]) {
    map_gradient(x, gradient, dx, math::gelu_slope::<FUSED>);
}

#[inline(always)]
fn quick_gelu_gradient_body<const FUSED: bool>(x: &[f32], gradient: &[f32], dx: &mut [f32]) {
    map_gradient(x, gradient, dx, |x| {
        let s = sigmoid::<FUSED>(QUICK * x);
        s * fma::<FUSED>(QUICK * x, 1.0 - s, 1.0)
    });
}

#[inline(always)]
fn map(x: &[f32], y: &mut [f32], function: impl Fn(f32) -> f32) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y = function(*x));
}

#[inline(always)]
fn map_gradient(x: &[f32], gradient: &[f32], dx: &mut [f32], slope: impl Fn(f32) -> f32) {
    dx.iter_mut().zip(x).zip(gradient).for_each(|((dx, x), gradient)| *dx = gradient * slope(*x));
}
