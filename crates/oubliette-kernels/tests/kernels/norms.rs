//! Group, layer and root-mean-square normalisation.

use crate::support::{check, flex, same_bits_in_any_batch};
use burn::tensor::Tensor;
use oubliette_kernels::{Activation, group_norm, layer_norm, rms_norm};
use proptest::prelude::*;

fn group(n: usize, channels: usize, groups: usize, [h, w]: [usize; 2]) {
    for act in [Activation::None, Activation::Silu] {
        let what = format!("group norm {n}x{channels}/{groups}x{h}x{w} {act:?}");
        check(&what, &[n * channels * h * w, channels, channels], &|t| {
            let x = t[0].clone().reshape([n, channels, h, w]);
            let y = group_norm(x, groups, t[1].clone(), t[2].clone(), 1e-3, act);
            y.reshape([n * channels * h * w])
        });
    }
}

fn layer(rows: usize, width: usize) {
    check(&format!("layer norm {rows}x{width}"), &[rows * width, width, width], &|t| {
        let x = t[0].clone().reshape([rows, width]);
        layer_norm(x, t[1].clone(), t[2].clone(), 1e-3).reshape([rows * width])
    });
}

fn rms(rows: usize, width: usize) {
    check(&format!("rms norm {rows}x{width}"), &[rows * width, width], &|t| {
        let x = t[0].clone().reshape([rows, width]);
        rms_norm(x, t[1].clone(), 1e-3).reshape([rows * width])
    });
}

#[test]
fn sizes_of_a_language_model() {
    rms(200, 64);
    rms(77, 33);
    rms(1, 1);
}

#[test]
fn sizes_of_a_diffusion_model() {
    group(3, 64, 32, [8, 8]);
    group(33, 64, 32, [4, 4]);
    group(1, 12, 3, [41, 67]);
    layer(200, 64);
    layer(77, 33);
}

#[test]
fn views() {
    check("group norm of a view", &[4 * 5 * 7 * 8, 8, 8], &|t| {
        let x = t[0].clone().reshape([4, 5, 7, 8]).permute([0, 3, 1, 2]);
        group_norm(x, 4, t[1].clone(), t[2].clone(), 1e-3, Activation::Silu)
            .reshape([4 * 5 * 7 * 8])
    });
    check("rms norm of a view", &[6 * 5 * 9, 6], &|t| {
        let x = t[0].clone().reshape([6, 5, 9]).permute([2, 1, 0]);
        rms_norm(x, t[1].clone(), 1e-3).reshape([6 * 5 * 9])
    });
    check("layer norm of a view", &[6 * 5 * 9, 6, 6], &|t| {
        let x = t[0].clone().reshape([6, 5, 9]).permute([2, 1, 0]);
        layer_norm(x, t[1].clone(), t[2].clone(), 1e-3).reshape([6 * 5 * 9])
    });
}

#[test]
fn nothing_in_nothing_out() {
    let device = flex();
    let affine = || Tensor::<1>::ones([4], &device);
    let x = Tensor::<4>::zeros([0, 4, 3, 3], &device);
    assert_eq!(group_norm(x, 2, affine(), affine(), 1e-5, Activation::Silu).dims(), [0, 4, 3, 3]);
    let gamma = Tensor::<1>::ones([4], &flex().autodiff()).require_grad();
    let x = Tensor::<4>::zeros([2, 4, 0, 3], &flex().autodiff());
    let y = group_norm(x, 2, gamma.clone(), affine(), 1e-5, Activation::Silu);
    let gradient = gamma.grad(&y.sum().backward()).expect("a gradient");
    assert_eq!(gradient.into_data().try_into_vec::<f32>().expect("f32"), vec![0.0; 4]);
    let empty = || Tensor::<2>::zeros([0, 4], &device);
    assert_eq!(layer_norm(empty(), affine(), affine(), 1e-5).dims(), [0, 4]);
    assert_eq!(rms_norm(empty(), affine(), 1e-5).dims(), [0, 4]);
    let x = Tensor::<2>::zeros([0, 4], &flex().autodiff());
    let y = rms_norm(x, gamma.clone(), 1e-5);
    let gradient = gamma.grad(&y.sum().backward()).expect("a gradient");
    assert_eq!(gradient.into_data().try_into_vec::<f32>().expect("f32"), vec![0.0; 4]);
}

#[test]
fn a_sample_does_not_depend_on_its_batch() {
    let affine = |len| Tensor::<1>::ones([len], &flex()) * 0.7;
    same_bits_in_any_batch("group norm", 9, 24 * 5 * 5, &|x, samples| {
        let x = x.reshape([samples, 24, 5, 5]);
        group_norm(x, 8, affine(24), affine(24), 1e-5, Activation::Silu)
            .reshape([samples * 24 * 25])
    });
    same_bits_in_any_batch("layer norm", 9, 30 * 50, &|x, samples| {
        let x = x.reshape([samples, 30, 50]);
        layer_norm(x, affine(50), affine(50), 1e-5).reshape([samples * 30 * 50])
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_shape(n in 1usize..4, groups in 1usize..5, width in 1usize..4, h in 2usize..9, w in 2usize..9) {
        group(n, groups * width, groups, [h, w]);
        layer(n * h, 2 + groups * w);
        rms(n * h, 1 + groups * w);
    }
}
