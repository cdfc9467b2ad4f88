//! Rotary position embedding.

use burn::tensor::Tensor;

use crate::array::Array;
use crate::buffer::unwritten;
use crate::engine::level::{fma, for_each_level};
use crate::op::{Kernel, apply, takes};
use crate::parallel;

/// Turns the pair `(x[i], x[i + dim / 2])` of every head of every token by that token's `i`-th angle (arXiv 2104.09864, with the pairs
/// that transformers makes).
///
/// `x` (batch, tokens, heads * dim), `cos` and `sin` (tokens, dim / 2), through which no gradient flows.
///
/// # Panics
/// When the shapes do not fit together, or `heads` does not divide the last axis into even parts.
pub fn rotary(x: Tensor<3>, cos: Tensor<2>, sin: Tensor<2>, heads: usize) -> Tensor<3> {
    let [batch, tokens, width] = x.dims();
    assert!(
        heads > 0 && width.is_multiple_of(2 * heads),
        "rotary: a width of {width} does not split into {heads} even heads"
    );
    let half = width / heads / 2;
    assert_eq!(cos.dims(), [tokens, half], "rotary: shape of cos");
    assert_eq!(sin.dims(), [tokens, half], "rotary: shape of sin");
    let (cos, sin) = (cos.detach(), sin.detach());
    if takes(&x) && takes(&cos) && takes(&sin) {
        let inputs = [x.into_dispatch(), cos.into_dispatch(), sin.into_dispatch()];
        return Tensor::from_dispatch(apply(Rotary, inputs));
    }
    if x.dims().contains(&0) {
        return x;
    }
    let x = x.reshape([batch, tokens, heads, 2 * half]);
    let (a, b) = (x.clone().narrow(3, 0, half), x.narrow(3, half, half));
    let angle = |of: Tensor<2>| of.reshape([1, tokens, 1, half]);
    let (cos, sin) = (angle(cos), angle(sin));
    let first = a.clone() * cos.clone() - b.clone() * sin.clone();
    Tensor::cat(vec![first, b * cos + a * sin], 3).reshape([batch, tokens, width])
}

/// Inputs: x, cos, sin.
#[derive(Clone, Debug)]
struct Rotary;

/// Values of one task, about.
const TOGETHER: usize = 1 << 13;

impl Kernel<3> for Rotary {
    type Saved = ();
    const CHEAP: bool = true;

    fn forward(&self, [x, cos, sin]: [Array; 3]) -> (Array, ()) {
        (turned(&x, &cos, &sin, 1.0), ())
    }

    fn reads(&self, _: [bool; 3]) -> [bool; 3] {
        [false, true, true]
    }

    fn backward(
        &self,
        [_, cos, sin]: [Option<Array>; 3],
        _: (),
        gradient: Array,
        wanted: [bool; 3],
    ) -> [Option<Array>; 3] {
        let (Some(cos), Some(sin), true) = (cos, sin, wanted[0]) else { return [None, None, None] };
        [Some(turned(&gradient, &cos, &sin, -1.0)), None, None]
    }
}

/// Turned forwards (1) or backwards (-1).
fn turned(x: &Array, cos: &Array, sin: &Array, way: f32) -> Array {
    let [_, tokens, width] = x.dims();
    let half = cos.dims::<2>()[1];
    let rows = TOGETHER.div_ceil(width.max(1));
    let mut y = unwritten(x.data().len());
    parallel::chunks(&mut y, rows * width.max(1), 4 * x.data().len(), |task, y| {
        for (row, y) in y.chunks_exact_mut(width).enumerate() {
            let row = task * rows + row;
            let x = &x.data()[row * width..][..width];
            let angles = row % tokens * half..(row % tokens + 1) * half;
            turn(x, &cos.data()[angles.clone()], &sin.data()[angles], way, y);
        }
    });
    Array::new(y, x.shape())
}

for_each_level! { fn turn(x: &[f32], cos: &[f32], sin: &[f32], way: f32, y: &mut [f32]) = turn_body }

#[inline(always)]
fn turn_body<const FUSED: bool>(x: &[f32], cos: &[f32], sin: &[f32], way: f32, y: &mut [f32]) {
    let half = cos.len();
    for (x, y) in x.chunks_exact(2 * half).zip(y.chunks_exact_mut(2 * half)) {
        let ((a, b), (first, second)) = (x.split_at(half), y.split_at_mut(half));
        for i in 0..half {
            let sin = way * sin[i];
            first[i] = fma::<FUSED>(a[i], cos[i], -(b[i] * sin));
            second[i] = fma::<FUSED>(b[i], cos[i], a[i] * sin);
        }
    }
}
