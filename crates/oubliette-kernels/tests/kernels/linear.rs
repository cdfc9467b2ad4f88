//! The linear map.

use crate::support::{check, flex, same_bits_in_any_batch, values};
use burn::tensor::{DType, Tensor, TensorData};
use oubliette_kernels::linear;
use proptest::prelude::*;

fn checked(rows: usize, inputs: usize, outputs: usize) {
    let what = format!("linear {rows}x{inputs} -> {outputs}");
    check(&what, &[rows * inputs, outputs * inputs, outputs], &|t| {
        let (x, w) =
            (t[0].clone().reshape([rows, inputs]), t[1].clone().reshape([outputs, inputs]));
        linear(x, w, Some(t[2].clone())).reshape([rows * outputs])
    });
    check(&what, &[rows * inputs, outputs * inputs], &|t| {
        let (x, w) =
            (t[0].clone().reshape([rows, inputs]), t[1].clone().reshape([outputs, inputs]));
        linear(x, w, None).reshape([rows * outputs])
    });
}

#[test]
fn sizes_that_fill_tiles_and_sizes_that_do_not() {
    for (rows, inputs, outputs) in
        [(1, 1, 1), (8, 32, 32), (64, 64, 64), (65, 300, 33), (200, 31, 70), (3, 600, 5)]
    {
        checked(rows, inputs, outputs);
    }
}

/// Few rows and many columns, of the result or of the gradient of x: tasks share out the columns.
#[test]
fn columns_that_are_shared_out() {
    for (rows, inputs, outputs) in [(70, 300, 530), (65, 530, 300), (513, 10, 513)] {
        checked(rows, inputs, outputs);
    }
}

/// The gradient of the weight sums over rows, some hundreds at a time.
#[test]
fn many_rows_and_few_weights() {
    checked(600, 5, 70);
    checked(515, 40, 3);
}

#[test]
fn transposed_and_sliced_operands() {
    check("linear of views", &[6 * 70 * 9, 12 * 9], &|t| {
        let x = t[0].clone().reshape([6, 9, 70]).swap_dims(1, 2).narrow(1, 3, 60);
        let w = t[1].clone().reshape([9, 12]).transpose();
        linear(x, w, None).reshape([6 * 60 * 12])
    });
}

#[test]
fn no_rows() {
    let device = flex().autodiff();
    let w = Tensor::<2>::ones([3, 5], &device).require_grad();
    let y = linear(Tensor::<2>::zeros([0, 5], &device), w.clone(), None);
    assert_eq!(y.dims(), [0, 3]);
    let gradient = w.grad(&y.sum().backward()).expect("a gradient");
    assert_eq!(gradient.into_data(), TensorData::zeros::<f32, _>([3, 5]));
}

/// However the rows are shared out, of nothing to sum the bias comes out, and of a sum that is too small for a number a zero without a sign.
#[test]
fn empty_sums_and_sums_too_small() {
    let device = flex();
    for (rows, outputs) in [(1, 3), (65, 3), (65, 600)] {
        let full = |dims: [usize; 2], value: f32| Tensor::<2>::full(dims, value, &device);
        let bits = |y: Tensor<2>| {
            let y = y.into_data().try_into_vec::<f32>().expect("f32 values");
            y.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        let small = linear(full([rows, 1], 1e-30), full([outputs, 1], -1e-30), None);
        assert_eq!(bits(small), vec![0; rows * outputs], "{rows} rows, {outputs} outputs");
        for bias in [None, Some(2.5f32)] {
            let given = bias.map(|bias| Tensor::<1>::full([outputs], bias, &device));
            let y = linear(full([rows, 0], 1.0), full([outputs, 0], 1.0), given);
            let expected = vec![bias.unwrap_or(0.0).to_bits(); rows * outputs];
            assert_eq!(bits(y), expected, "{rows} rows, {outputs} outputs, bias {bias:?}");
        }
    }
}

#[test]
fn a_sample_does_not_depend_on_its_batch() {
    let fixed = |len, seed, dims: [usize; 2]| {
        let data = TensorData::new(values(len, seed), [len]);
        Tensor::<1>::from_data(data, (&flex(), DType::F32)).reshape(dims)
    };
    for (tokens, outputs) in [(1, 40), (5, 40), (64, 40), (5, 600), (12, 600)] {
        same_bits_in_any_batch("linear", 70, tokens * 300, &|x, samples| {
            let weight = fixed(300 * outputs, 3, [outputs, 300]);
            let y = linear(x.reshape([samples, tokens, 300]), weight, None);
            y.reshape([samples * tokens * outputs])
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_shape(rows in 1usize..150, inputs in 1usize..90, outputs in 1usize..90) {
        checked(rows, inputs, outputs);
    }
}
