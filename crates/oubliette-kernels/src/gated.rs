//! The gated units of transformer feed-forwards (arXiv 2002.05202).

use burn::tensor::{Tensor, activation};

use crate::array::Array;
use crate::buffer::unwritten;
use crate::engine::level::{fma, for_each_level};
use crate::engine::math::{gelu, normal, sigmoid};
use crate::op::{Kernel, apply, takes};
use crate::parallel;

/// `a * gelu(b)` for `x` = (a, b) side by side in the last axis: (b, n, 2d) gives (b, n, d).
///
/// The gate is the second half, as in diffusers.
///
/// # Panics
/// When the last axis is odd.
pub fn geglu(x: Tensor<3>) -> Tensor<3> {
    gated(x, Gate::Gelu)
}

/// `silu(a) * b` for `x` = (a, b) side by side in the last axis: (b, n, 2d) gives (b, n, d).
///
/// The gate is the first half, as `gate_proj` stands before `up_proj` in transformers.
///
/// # Panics
/// When the last axis is odd.
pub fn swiglu(x: Tensor<3>) -> Tensor<3> {
    gated(x, Gate::Silu)
}

/// [`geglu`] or [`swiglu`].
///
/// # Panics
/// When the last axis is odd.
pub fn gated(x: Tensor<3>, kind: Gate) -> Tensor<3> {
    let width = x.dims()[2];
    assert!(width.is_multiple_of(2), "a gated unit: an odd width of {width} has no halves");
    if takes(&x) {
        return Tensor::from_dispatch(apply(kind, [x.into_dispatch()]));
    }
    let half = width / 2;
    let (a, b) = (x.clone().narrow(2, 0, half), x.narrow(2, half, half));
    match kind {
        Gate::Gelu => a * activation::gelu(b),
        Gate::Silu => activation::silu(a) * b,
    }
}

/// By which function a unit is gated, and so by which half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// As [`geglu`].
    Gelu,
    /// As [`swiglu`].
    Silu,
}

impl Gate {
    /// Rows of `2 half` values in `x` to rows of `half` values in `y`.
    pub(crate) fn rows(self, x: &[f32], half: usize, y: &mut [f32]) {
        match self {
            Self::Gelu => by_gelu(x, half, y),
            Self::Silu => by_silu(x, half, y),
        }
    }

    /// `rows` over all threads.
    pub(crate) fn all(self, x: &[f32], half: usize, y: &mut [f32]) {
        let half = half.max(1);
        let rows = TOGETHER.div_ceil(half);
        parallel::chunks(y, rows * half, 8 * x.len(), |task, y| {
            self.rows(&x[task * rows * 2 * half..][..2 * y.len()], half, y);
        });
    }

    /// `rows_gradient` over all threads.
    pub(crate) fn all_gradient(self, x: &[f32], gradient: &[f32], half: usize, dx: &mut [f32]) {
        let half = half.max(1);
        let rows = TOGETHER.div_ceil(half);
        parallel::chunks(dx, rows * 2 * half, 8 * x.len(), |task, dx| {
            let x = &x[task * rows * 2 * half..][..dx.len()];
            let gradient = &gradient[task * rows * half..][..dx.len() / 2];
            self.rows_gradient(x, gradient, half, dx);
        });
    }

    /// What `gradient`, of rows of `half` values, makes of rows of `2 half` values in `dx`.
    pub(crate) fn rows_gradient(self, x: &[f32], gradient: &[f32], half: usize, dx: &mut [f32]) {
        match self {
            Self::Gelu => by_gelu_gradient(x, gradient, half, dx),
            Self::Silu => by_silu_gradient(x, gradient, half, dx),
        }
    }
}

/// Values of one task, about.
const TOGETHER: usize = 1 << 13;

impl Kernel<1> for Gate {
    type Saved = ();
    const CHEAP: bool = true;

    fn forward(&self, [x]: [Array; 1]) -> (Array, ()) {
        let [batch, tokens, width] = x.dims();
        let mut y = unwritten(x.data().len() / 2);
        self.all(x.data(), width / 2, &mut y);
        (Array::new(y, &[batch, tokens, width / 2]), ())
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
        let [_, _, width] = x.dims();
        let mut dx = unwritten(x.data().len());
        self.all_gradient(x.data(), gradient.data(), width / 2, &mut dx);
        [Some(Array::new(dx, x.shape()))]
    }
}

for_each_level! { fn by_gelu(x: &[f32], half: usize, y: &mut [f32]) = by_gelu_body }
for_each_level! { fn by_silu(x: &[f32], half: usize, y: &mut [f32]) = by_silu_body }
for_each_level! { fn by_gelu_gradient(x: &[f32], g: &[f32], half: usize, dx: &mut [f32]) = by_gelu_gradient_body }
for_each_level! { fn by_silu_gradient(x: &[f32], g: &[f32], half: usize, dx: &mut [f32]) = by_silu_gradient_body }

#[inline(always)]
fn by_gelu_body<const FUSED: bool>(x: &[f32], half: usize, y: &mut [f32]) {
    for (x, y) in x.chunks_exact(2 * half).zip(y.chunks_exact_mut(half)) {
        let (a, b) = x.split_at(half);
        for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
            *y = a * gelu::<FUSED>(*b);
        }
    }
}

#[inline(always)]
fn by_silu_body<const FUSED: bool>(x: &[f32], half: usize, y: &mut [f32]) {
    for (x, y) in x.chunks_exact(2 * half).zip(y.chunks_exact_mut(half)) {
        let (a, b) = x.split_at(half);
        for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
            *y = a * sigmoid::<FUSED>(*a) * b;
        }
    }
}

#[inline(always)]
fn by_gelu_gradient_body<const FUSED: bool>(
    x: &[f32],
    gradient: &[f32],
    half: usize,
    dx: &mut [f32],
) {
    let rows = x.chunks_exact(2 * half).zip(gradient.chunks_exact(half));
    for ((x, gradient), dx) in rows.zip(dx.chunks_exact_mut(2 * half)) {
        let ((a, b), (da, db)) = (x.split_at(half), dx.split_at_mut(half));
        for i in 0..half {
            let (below, density) = normal::<FUSED>(b[i]);
            da[i] = gradient[i] * (b[i] * below);
            db[i] = gradient[i] * a[i] * fma::<FUSED>(b[i], density, below);
        }
    }
}

#[inline(always)]
fn by_silu_gradient_body<const FUSED: bool>(
    x: &[f32],
    gradient: &[f32],
    half: usize,
    dx: &mut [f32],
) {
    let rows = x.chunks_exact(2 * half).zip(gradient.chunks_exact(half));
    for ((x, gradient), dx) in rows.zip(dx.chunks_exact_mut(2 * half)) {
        let ((a, b), (da, db)) = (x.split_at(half), dx.split_at_mut(half));
        for i in 0..half {
            let s = sigmoid::<FUSED>(a[i]);
            da[i] = gradient[i] * b[i] * (s * fma::<FUSED>(a[i], 1.0 - s, 1.0));
            db[i] = gradient[i] * (a[i] * s);
        }
    }
}
