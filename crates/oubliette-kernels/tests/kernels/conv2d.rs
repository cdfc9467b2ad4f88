//! The convolution.

use crate::support::{check, flex, same_bits_in_any_batch, values};
use burn::tensor::{DType, Tensor, TensorData};
use oubliette_kernels::conv2d;
use proptest::prelude::*;

/// Samples, channels in and out, height, width, kernel, stride, padding.
type Case = (usize, usize, usize, [usize; 2], [usize; 2], usize, (usize, usize));

fn checked(case: Case) {
    let (n, inputs, outputs, [h, w], [kh, kw], stride, padding) = case;
    let what = format!("conv2d {case:?}");
    let lengths = [n * inputs * h * w, outputs * inputs * kh * kw, outputs];
    let apply = |t: &[Tensor<1>], bias: Option<Tensor<1>>| {
        let x = t[0].clone().reshape([n, inputs, h, w]);
        let weight = t[1].clone().reshape([outputs, inputs, kh, kw]);
        let y = conv2d(x, weight, bias, stride, padding);
        let len = y.dims().iter().product::<usize>();
        y.reshape([len])
    };
    check(&what, &lengths, &|t| apply(t, Some(t[2].clone())));
    check(&what, &lengths[..2], &|t| apply(t, None));
}

#[test]
fn the_kernels_of_a_diffusion_model() {
    checked((2, 64, 64, [8, 8], [3, 3], 1, (1, 1)));
    checked((9, 64, 96, [4, 4], [3, 3], 1, (1, 1)));
    checked((2, 4, 64, [8, 8], [3, 3], 1, (1, 1)));
    checked((2, 64, 4, [8, 8], [3, 3], 1, (1, 1)));
    checked((2, 40, 70, [9, 7], [1, 1], 1, (0, 0)));
    checked((2, 33, 34, [8, 8], [3, 3], 2, (1, 1)));
    checked((1, 16, 24, [16, 16], [3, 3], 2, (0, 1)));
    checked((1, 20, 24, [40, 33], [3, 3], 1, (1, 1)));
    checked((2, 3, 24, [16, 16], [8, 8], 8, (0, 0)));
}

/// So few pixels that tasks share out the outputs, too; of the gradient of x the inputs.
#[test]
fn pointwise_with_many_channels() {
    checked((1, 70, 300, [9, 7], [1, 1], 1, (0, 0)));
    checked((3, 410, 290, [8, 8], [1, 1], 1, (0, 0)));
}

#[test]
fn no_outputs() {
    let device = flex().autodiff();
    let x = Tensor::<4>::ones([1, 300, 3, 3], &device).require_grad();
    let y = conv2d(x.clone(), Tensor::zeros([0, 300, 1, 1], &device), None, 1, (0, 0));
    let gradient = x.grad(&y.sum().backward()).expect("a gradient");
    assert_eq!(gradient.into_data(), TensorData::zeros::<f32, _>([1, 300, 3, 3]));
}

#[test]
fn odd_kernels_strides_and_padding() {
    checked((3, 5, 7, [9, 11], [2, 5], 3, (2, 0)));
    checked((1, 1, 1, [1, 1], [1, 1], 1, (0, 0)));
    checked((1, 2, 3, [5, 6], [1, 1], 2, (0, 0)));
    checked((2, 3, 2, [4, 5], [3, 2], 1, (4, 3)));
    checked((1, 3, 2, [7, 7], [5, 5], 4, (1, 2)));
}

#[test]
fn tiles_that_reach_beyond_the_image() {
    checked((2, 17, 33, [7, 5], [3, 3], 1, (1, 1)));
    checked((1, 40, 16, [21, 20], [3, 3], 1, (0, 1)));
    checked((3, 16, 24, [9, 6], [3, 3], 1, (2, 0)));
    checked((1, 32, 64, [6, 7], [3, 3], 1, (2, 2)));
    checked((5, 300, 260, [15, 14], [3, 3], 1, (1, 1)));
}

#[test]
fn a_weight_whose_points_are_made_in_several_goes() {
    checked((1, 1030, 520, [13, 14], [3, 3], 1, (1, 1)));
    // So few tiles for each channel that the tiles are seen in three goes, then so many that the kernels are transformed in two.
    checked((1, 1030, 520, [48, 50], [3, 3], 1, (1, 1)));
    checked((1, 1030, 520, [64, 66], [3, 3], 1, (1, 1)));
    checked((1, 520, 1030, [64, 66], [3, 3], 1, (1, 1)));
}

#[test]
fn a_weight_whose_panels_are_made_in_several_goes() {
    checked((2, 1030, 1000, [4, 5], [3, 3], 2, (1, 1)));
}

#[test]
fn transposed_and_sliced_operands() {
    let lengths = [2 * 10 * 9 * 6, 12 * 6 * 9];
    check("conv2d of views", &lengths, &|t| {
        let x = t[0].clone().reshape([2, 10, 9, 6]).permute([0, 3, 1, 2]).narrow(2, 1, 8);
        let weight = t[1].clone().reshape([6, 12, 3, 3]).swap_dims(0, 1);
        conv2d(x, weight, None, 1, (1, 1)).reshape([2 * 12 * 8 * 9])
    });
}

#[test]
fn no_samples() {
    let device = flex().autodiff();
    let weight = Tensor::<4>::ones([2, 3, 3, 3], &device).require_grad();
    let x = Tensor::<4>::zeros([0, 3, 4, 4], &device);
    let y = conv2d(x, weight.clone(), None, 1, (1, 1));
    assert_eq!(y.dims(), [0, 2, 4, 4]);
    let gradient = weight.grad(&y.sum().backward()).expect("a gradient");
    assert_eq!(gradient.into_data(), TensorData::zeros::<f32, _>([2, 3, 3, 3]));
}

#[test]
fn a_sample_does_not_depend_on_its_batch() {
    for (inputs, side, kernel) in [(40, 4, 3), (40, 8, 3), (40, 20, 3), (300, 16, 3), (40, 8, 1)] {
        same_bits_in_any_batch("conv2d", 11, inputs * side * side, &|x, samples| {
            let shape = [70, inputs, kernel, kernel];
            let data = TensorData::new(values(shape.iter().product(), 3), shape);
            let weight = Tensor::<4>::from_data(data, (&flex(), DType::F32));
            let around = kernel / 2;
            let y =
                conv2d(x.reshape([samples, inputs, side, side]), weight, None, 1, (around, around));
            y.reshape([samples * 70 * side * side])
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_shape(
        n in 1usize..4, inputs in 1usize..40, outputs in 1usize..40, h in 1usize..12, w in 1usize..12,
        kh in 1usize..4, kw in 1usize..4, stride in 1usize..4, before in 0usize..3, after in 0usize..3,
    ) {
        prop_assume!(h + before + after >= kh && w + before + after >= kw);
        checked((n, inputs, outputs, [h, w], [kh, kw], stride, (before, after)));
    }
}
