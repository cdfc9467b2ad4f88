//! The composed forms mean what their documentation says.

use crate::support::flex;
use burn::tensor::{Tensor, TensorData};
use oubliette_kernels::{
    Mask, attention, geglu, rms_norm, rotary, softmax_cross_entropy, swiglu, upsample_nearest_2x,
};

#[test]
fn causal_attention_of_the_first_query_is_the_first_value() {
    let device = flex();
    let q = Tensor::<3>::ones([1, 3, 4], &device);
    let v = Tensor::<1>::from_floats([1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12.], &device)
        .reshape([1, 3, 4]);
    let out = attention(q.clone(), q, v, 2, Mask::Causal);
    let expected = TensorData::from([[[1.0f32, 2., 3., 4.], [3., 4., 5., 6.], [5., 6., 7., 8.]]]);
    out.into_data().assert_approx_eq::<f32>(&expected, Default::default());
}

#[test]
fn the_gate_is_the_second_half() {
    let x = Tensor::<3>::from_floats([[[2.0, 0.0, 100.0, 1.0]]], &flex());
    geglu(x)
        .into_data()
        .assert_approx_eq::<f32>(&TensorData::from([[[200.0f32, 0.0]]]), Default::default());
}

#[test]
fn the_gate_of_silu_is_the_first_half() {
    let x = Tensor::<3>::from_floats([[[100.0, 0.0, 2.0, 7.0]]], &flex());
    swiglu(x)
        .into_data()
        .assert_approx_eq::<f32>(&TensorData::from([[[200.0f32, 0.0]]]), Default::default());
}

#[test]
fn a_quarter_turn_exchanges_the_halves_of_a_head() {
    let device = flex();
    let x = Tensor::<3>::from_floats([[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]]], &device);
    let (cos, sin) = (Tensor::zeros([1, 2], &device), Tensor::ones([1, 2], &device));
    let expected = TensorData::from([[[-3.0f32, -4.0, 1.0, 2.0, -7.0, -8.0, 5.0, 6.0]]]);
    rotary(x, cos, sin, 2).into_data().assert_eq(&expected, true);
}

#[test]
fn a_row_is_divided_by_its_root_mean_square() {
    let device = flex();
    let y = rms_norm(
        Tensor::<2>::from_floats([[6.0, 8.0]], &device),
        Tensor::from_floats([1.0, 10.0], &device),
        0.0,
    );
    let root = 50.0f32.sqrt();
    let expected = TensorData::from([[6.0 / root, 80.0 / root]]);
    y.into_data().assert_approx_eq::<f32>(&expected, Default::default());
}

#[test]
fn neighbouring_heads_share_a_key() {
    let device = flex();
    let q = Tensor::<3>::ones([1, 1, 8], &device);
    let kv = Tensor::<3>::from_floats([[[1.0, 2.0, 3.0, 4.0]]], &device);
    let out = attention(q, kv.clone(), kv, 4, Mask::None);
    let expected = TensorData::from([[[1.0f32, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0]]]);
    out.into_data().assert_approx_eq::<f32>(&expected, Default::default());
}

#[test]
fn a_pixel_becomes_a_square() {
    let x = Tensor::<4>::from_floats([[[[1.0, 2.0]]]], &flex());
    let expected = TensorData::from([[[[1.0f32, 1., 2., 2.], [1., 1., 2., 2.]]]]);
    upsample_nearest_2x(x).into_data().assert_eq(&expected, true);
}

#[test]
fn even_logits_cost_the_logarithm_of_their_number() {
    let device = flex();
    let loss = softmax_cross_entropy(
        Tensor::zeros([3, 4], &device),
        Tensor::from_ints([0, 3, 1], &device),
    );
    loss.into_data().assert_approx_eq::<f32>(&TensorData::from([4.0f32.ln()]), Default::default());
}
