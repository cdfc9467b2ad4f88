//! Activations, the gated GELU and upsampling.

use crate::support::check;
use burn::tensor::{Device, Tensor};
use oubliette_kernels::{geglu, gelu, quick_gelu, silu, upsample_nearest_2x};
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
    let nan = || Tensor::<1>::from_floats([f32::NAN; 40], &Device::flex());
    for y in [silu(nan()), gelu(nan()), quick_gelu(nan())] {
        assert!(y.into_data().try_into_vec::<f32>().expect("f32").iter().all(|y| y.is_nan()));
    }
}

fn gated(batch: usize, tokens: usize, half: usize) {
    check(&format!("geglu {batch}x{tokens}x{half}"), &[batch * tokens * 2 * half], &|t| {
        geglu(t[0].clone().reshape([batch, tokens, 2 * half])).reshape([batch * tokens * half])
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
    upsampled(2, 8, 4, 4);
    upsampled(1, 3, 65, 33);
}

#[test]
fn nothing_in_nothing_out() {
    let device = Device::flex().autodiff();
    assert_eq!(geglu(Tensor::zeros([3, 7, 0], &device)).dims(), [3, 7, 0]);
    assert_eq!(geglu(Tensor::zeros([0, 7, 4], &device)).dims(), [0, 7, 2]);
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
        upsampled(a, 2, b, c);
    }
}
