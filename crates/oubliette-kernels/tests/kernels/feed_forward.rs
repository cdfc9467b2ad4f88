//! The feed-forward that keeps nothing between its maps.

use crate::support::{check, flex, same_bits_in_any_batch, values};
use burn::tensor::{DType, Tensor, TensorData};
use oubliette_kernels::{Dense, Gate, feed_forward, geglu, linear, swiglu};
use proptest::prelude::*;

const GATES: [Gate; 2] = [Gate::Gelu, Gate::Silu];

/// Inputs, inner and outputs.
type Widths = [usize; 3];

fn layers(t: &[Tensor<1>], [inputs, inner, outputs]: Widths) -> (Dense, Dense) {
    let dense = |weight: &Tensor<1>, bias: Option<&Tensor<1>>, dims: [usize; 2]| Dense {
        weight: weight.clone().reshape(dims),
        bias: bias.cloned(),
    };
    let up = dense(&t[0], t.get(2), [2 * inner, inputs]);
    (up, dense(&t[1], t.get(3), [outputs, inner]))
}

fn lengths([inputs, inner, outputs]: Widths) -> [usize; 4] {
    [2 * inner * inputs, outputs * inner, 2 * inner, outputs]
}

fn checked(rows: usize, widths: Widths, gate: Gate) {
    let [inputs, _, outputs] = widths;
    for biases in [0, 2] {
        let mut all = vec![rows * inputs];
        all.extend(&lengths(widths)[..2 + biases]);
        let what = format!("feed-forward {rows} rows, {widths:?}, {biases} biases, {gate:?}");
        check(&what, &all, &|t| {
            // Smaller weights, so that what lies between has about unit size, too.
            let t: Vec<_> = t.iter().map(|t| t.clone() * 0.5).collect();
            let (up, down) = layers(&t[1..], widths);
            let x = t[0].clone().reshape([1, rows, inputs]);
            feed_forward(x, up, down, gate).reshape([rows * outputs])
        });
    }
}

#[test]
fn sizes_that_fill_tiles_and_sizes_that_do_not() {
    for gate in GATES {
        for (rows, widths) in [
            (1, [1, 1, 1]),
            (64, [16, 32, 16]),
            (70, [33, 20, 5]),
            (300, [8, 9, 40]),
            (70, [80, 260, 90]),
        ] {
            checked(rows, widths, gate);
        }
    }
}

fn drawn(len: usize, seed: u64) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values(len, seed), [len]), (&flex().autodiff(), DType::F32))
}

/// More rows than the backward holds at a time, and so few that weights are not packed.
#[test]
fn the_bits_of_the_maps_one_after_the_other() {
    for gate in GATES {
        for biased in [[true, true], [true, false], [false, false]] {
            the_bits(gate, 2 * 1024 + 77, [24, 600, 20], biased);
            the_bits(gate, 300, [310, 1400, 320], biased);
        }
    }
}

fn the_bits(gate: Gate, rows: usize, widths: Widths, biased: [bool; 2]) {
    let [inputs, _, outputs] = widths;
    let run = |fused: bool| {
        let leaf = |(len, seed)| drawn(len, seed).require_grad();
        let x = leaf((rows * inputs, 1));
        let t: Vec<_> = lengths(widths).into_iter().zip(2..).map(leaf).collect();
        let (mut up, mut down) = layers(&t, widths);
        up.bias = up.bias.filter(|_| biased[0]);
        down.bias = down.bias.filter(|_| biased[1]);
        let shaped = x.clone().reshape([1, rows, inputs]);
        let y = if fused {
            feed_forward(shaped, up, down, gate)
        } else {
            let wide = linear(shaped, up.weight, up.bias);
            let unit = if gate == Gate::Gelu { geglu(wide) } else { swiglu(wide) };
            linear(unit, down.weight, down.bias)
        };
        let weighted = y.clone() * drawn(rows * outputs, 9).reshape([1, rows, outputs]);
        let gradients = weighted.sum().backward();
        let of = |t: &Tensor<1>| t.grad(&gradients).map(Tensor::into_data);
        (y.into_data(), of(&x), t.iter().map(of).collect::<Vec<_>>())
    };
    assert!(run(true) == run(false), "{gate:?}, {rows} rows, {widths:?}, {biased:?}");
}

#[test]
fn no_rows_no_inputs_and_no_unit() {
    let device = flex().autodiff();
    for (rows, inputs, inner) in [(0, 5, 4), (3, 5, 0), (70, 5, 0), (70, 0, 4)] {
        for bias in [None, Some(2.5f32)] {
            let up = Tensor::<2>::ones([2 * inner, inputs], &device).require_grad();
            let given = bias.map(|bias| Tensor::full([2], bias, &device));
            let down = Dense { weight: Tensor::ones([2, inner], &device), bias: given };
            let layer = Dense { weight: up.clone(), bias: None };
            let y = feed_forward(Tensor::ones([1, rows, inputs], &device), layer, down, Gate::Gelu);
            let expected = TensorData::full([1, rows, 2], bias.unwrap_or(0.0));
            assert_eq!(y.clone().inner().into_data(), expected, "{rows} x {inputs}, {inner}");
            let gradient = up.grad(&y.sum().backward()).expect("a gradient");
            assert_eq!(gradient.into_data(), TensorData::zeros::<f32, _>([2 * inner, inputs]));
        }
    }
}

#[test]
fn a_sample_does_not_depend_on_its_batch() {
    for (tokens, widths) in
        [(1, [30, 40, 20]), (5, [30, 40, 20]), (64, [30, 40, 20]), (5, [100, 300, 110])]
    {
        let [inputs, _, outputs] = widths;
        same_bits_in_any_batch("feed-forward", 70, tokens * inputs, &|x, samples| {
            let t: Vec<_> = lengths(widths)
                .into_iter()
                .zip(2..)
                .map(|(len, seed)| drawn(len, seed).inner())
                .collect();
            let (up, down) = layers(&t, widths);
            let y = feed_forward(x.reshape([samples, tokens, inputs]), up, down, Gate::Silu);
            y.reshape([samples * tokens * outputs])
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn any_shape(rows in 1usize..150, inputs in 1usize..40, inner in 1usize..40, outputs in 1usize..40) {
        checked(rows, [inputs, inner, outputs], Gate::Gelu);
    }
}
