//! Activations, gated units, rotary embedding and upsampling.

use crate::support::{check, flex};
use burn::tensor::{Tensor, TensorData};
use oubliette_kernels::{geglu, gelu, quick_gelu, rotary, silu, swiglu, upsample_nearest_2x};
use proptest::prelude::*;

#[test]
fn activations() {
    for len in [0, 1, 17, 1000, 20_000] {
        // Three times as wide as the values of the leaves, to see the tails.
        check("silu", &[len], &|t| silu(t[0].clone() * 3.0));
        check("gelu", &[len], &|t| gelu(t[0].clone() * 3.0));
        check("quick gelu", &[len], &|t| quick_gelu(t[0].clone() * 3.0));
    }
}

#[test]
fn not_a_number_is_not_hidden() {
    let nan = || Tensor::<1>::from_floats([f32::NAN; 40], &flex());
    for y in [silu(nan()), gelu(nan()), quick_gelu(nan())] {
        assert!(y.into_data().try_into_vec::<f32>().expect("f32").iter().all(|y| y.is_nan()));
    }
}

fn gated(batch: usize, tokens: usize, half: usize) {
    check(&format!("geglu {batch}x{tokens}x{half}"), &[batch * tokens * 2 * half], &|t| {
        geglu(t[0].clone().reshape([batch, tokens, 2 * half])).reshape([batch * tokens * half])
    });
    check(&format!("swiglu {batch}x{tokens}x{half}"), &[batch * tokens * 2 * half], &|t| {
        let x = t[0].clone().reshape([batch, tokens, 2 * half]) * 3.0;
        swiglu(x).reshape([batch * tokens * half])
    });
}

fn turned(batch: usize, tokens: usize, heads: usize, half: usize) {
    let what = format!("rotary {batch}x{tokens}, {heads} heads of {}", 2 * half);
    let all = batch * tokens * heads * 2 * half;
    check(&what, &[all], &|t| {
        let x = t[0].clone();
        let table = |of: fn(f64) -> f64| {
            // Rounded to f32, so that both precisions see the same numbers.
            let value = |i: usize| f64::from(of(0.7 * i as f64) as f32);
            let values = TensorData::new((0..tokens * half).map(value).collect(), [tokens, half]);
            Tensor::<2>::from_data(values, (&x.device(), x.dtype()))
        };
        let (cos, sin) = (table(f64::cos), table(f64::sin));
        rotary(x.reshape([batch, tokens, heads * 2 * half]), cos, sin, heads).reshape([all])
    });
}

fn upsampled(n: usize, c: usize, h: usize, w: usize) {
    check(&format!("upsample {n}x{c}x{h}x{w}"), &[n * c * h * w], &|t| {
        upsample_nearest_2x(t[0].clone().reshape([n, c, h, w])).reshape([4 * n * c * h * w])
    });
}

#[test]
fn gates_and_squares() {
    gated(4, 64, 256);
    gated(1, 1, 1);
    turned(3, 64, 4, 8);
    turned(2, 33, 3, 20);
    turned(1, 1, 1, 1);
    upsampled(2, 8, 4, 4);
    upsampled(1, 3, 65, 33);
}

#[test]
fn nothing_in_nothing_out() {
    let device = flex().autodiff();
    assert_eq!(geglu(Tensor::zeros([3, 7, 0], &device)).dims(), [3, 7, 0]);
    assert_eq!(geglu(Tensor::zeros([0, 7, 4], &device)).dims(), [0, 7, 2]);
    assert_eq!(swiglu(Tensor::zeros([0, 7, 4], &device)).dims(), [0, 7, 2]);
    let angles = |tokens| Tensor::<2>::zeros([tokens, 2], &device);
    let none = Tensor::zeros([3, 0, 8], &device);
    assert_eq!(rotary(none, angles(0), angles(0), 2).dims(), [3, 0, 8]);
    assert_eq!(upsample_nearest_2x(Tensor::zeros([1, 3, 0, 5], &device)).dims(), [1, 3, 0, 10]);
    assert_eq!(upsample_nearest_2x(Tensor::zeros([1, 3, 5, 0], &device)).dims(), [1, 3, 10, 0]);
}

#[test]
fn views() {
    check("geglu of a view", &[3 * 8 * 5], &|t| {
        geglu(t[0].clone().reshape([3, 8, 5]).swap_dims(1, 2)).reshape([3 * 5 * 4])
    });
    check("upsampling a view", &[2 * 8 * 5], &|t| {
        upsample_nearest_2x(t[0].clone().reshape([1, 2, 8, 5]).swap_dims(2, 3)).reshape([4 * 80])
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_shape(a in 1usize..5, b in 1usize..40, c in 1usize..40) {
        gated(a, b, c);
        turned(a, b, 1 + b % 3, c);
        upsampled(a, 2, b, c);
    }
}
