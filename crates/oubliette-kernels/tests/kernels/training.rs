//! Cross-entropy and the optimiser.

use crate::support::{SMALL, check, close, flex, values};
use burn::tensor::{DType, Int, Tensor, TensorData};
use oubliette_kernels::{AdamwSettings, AdamwState, adamw, scalar_product, softmax_cross_entropy};

fn entropy(n: usize, classes: usize) {
    check(&format!("cross-entropy {n}x{classes}"), &[n * classes], &|t| {
        let targets: Vec<i64> = (0..n).map(|i| ((i * 7) % classes) as i64).collect();
        let targets = Tensor::<1, Int>::from_data(TensorData::new(targets, [n]), &t[0].device());
        softmax_cross_entropy(t[0].clone().reshape([n, classes]) * 4.0, targets)
    });
}

#[test]
fn cross_entropy() {
    for (n, classes) in [(1, 1), (1, 2), (32, 10), (33, 1000), (5, 17)] {
        entropy(n, classes);
    }
}

#[test]
#[should_panic(expected = "class 3 of 3")]
fn a_class_that_is_not_there() {
    let device = flex();
    softmax_cross_entropy(Tensor::zeros([1, 3], &device), Tensor::from_ints([3], &device));
}

#[test]
fn scalar_products() {
    let device = flex();
    for len in [0, 1, 15, 16, 17, 16_384, 16_385, 70_001] {
        let (a, b) = (values(len, 1), values(len, 2));
        let tensor = |v: &[f64], dtype| {
            Tensor::<1>::from_data(TensorData::new(v.to_vec(), [len]), (&device, dtype))
        };
        let size: f64 = a.iter().zip(&b).map(|(a, b)| (a * b).abs()).sum();
        let expected: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
        for dtype in [DType::F32, DType::F64] {
            let got = scalar_product(&tensor(&a, dtype), &tensor(&b, dtype));
            assert!((got - expected).abs() <= 1e-13 * size, "{len}: {got} against {expected}");
        }
    }
    // Every second row: read where it lies.
    let whole = Tensor::<1>::from_data(TensorData::new(values(60, 3), [60]), (&device, DType::F32));
    let part = whole.reshape([6, 10]).swap_dims(0, 1).narrow(1, 1, 3);
    let alone = Tensor::<2>::from_data(part.to_data(), &device);
    assert_eq!(scalar_product(&part, &alone), scalar_product(&alone, &alone));
}

/// Five steps; the same arithmetic in `f64` by hand.
#[test]
fn adamw_steps() {
    let len = 40_001usize;
    let (lr, beta1, beta2, eps, decay) = (1e-2, 0.9, 0.999, 1e-8, 0.1);
    let device = flex();
    let tensor = |v: &[f64]| {
        Tensor::<1>::from_data(TensorData::new(v.to_vec(), [len]), (&device, DType::F32))
    };
    let mut weight = values(len, 1);
    let (mut first, mut second) = (vec![0.0; len], vec![0.0; len]);
    let mut state = AdamwState::new(tensor(&weight));
    for step in 1..=5_i32 {
        let gradient = values(len, 10 + step as u64);
        for i in 0..len {
            first[i] = beta1 * first[i] + (1.0 - beta1) * gradient[i];
            second[i] = beta2 * second[i] + (1.0 - beta2) * gradient[i] * gradient[i];
            let root = (second[i] / (1.0 - f64::powi(beta2, step))).sqrt() + eps;
            weight[i] -= lr * decay * weight[i];
            weight[i] -= lr * first[i] / (1.0 - f64::powi(beta1, step)) / root;
        }
        let settings = AdamwSettings {
            lr,
            betas: (beta1, beta2),
            eps,
            weight_decay: decay,
            step: step as usize,
        };
        state = adamw(state, tensor(&gradient), &settings);
    }
    for (got, expected, what) in [
        (state.weight, weight, "weight"),
        (state.first, first, "first"),
        (state.second, second, "second"),
    ] {
        let got = got.into_data().convert::<f64>().try_into_vec::<f64>().expect("f64");
        close(&got, &expected, SMALL, 1e-6, what);
    }
}

#[test]
fn a_step_leaves_other_holders_of_the_storage_alone() {
    let device = flex();
    let weight = Tensor::<1>::ones([100], &device);
    let settings =
        AdamwSettings { lr: 0.1, betas: (0.9, 0.999), eps: 1e-8, weight_decay: 0.0, step: 1 };
    let state = adamw(AdamwState::new(weight.clone()), Tensor::ones([100], &device), &settings);
    assert_eq!(weight.into_data(), TensorData::ones::<f32, _>([100]));
    let moved = state.weight.into_data().try_into_vec::<f32>().expect("f32");
    assert!(moved.iter().all(|w| (w - 0.9).abs() < 1e-5));
}
