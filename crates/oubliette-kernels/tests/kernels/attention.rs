//! Attention.

use crate::support::{check, flex, same_bits_in_any_batch, values};
use burn::tensor::{DType, Tensor, TensorData};
use oubliette_kernels::{Mask, attention};
use proptest::prelude::*;

fn checked(batch: usize, queries: usize, keys: usize, heads: usize, dim: usize, mask: Mask) {
    let width = heads * dim;
    let what = format!("attention {batch}x{queries}x{keys}, {heads} heads of {dim}, {mask:?}");
    let lengths = [batch * queries * width, batch * keys * width, batch * keys * width];
    check(&what, &lengths, &|t| {
        let of = |t: &Tensor<1>, tokens| t.clone().reshape([batch, tokens, width]);
        let out = attention(of(&t[0], queries), of(&t[1], keys), of(&t[2], keys), heads, mask);
        out.reshape([batch * queries * width])
    });
}

#[test]
fn sizes_of_a_diffusion_model() {
    checked(3, 64, 64, 4, 16, Mask::None);
    checked(2, 70, 16, 2, 40, Mask::None);
    checked(1, 150, 77, 2, 80, Mask::None);
    checked(2, 77, 77, 2, 32, Mask::Causal);
    checked(1, 200, 200, 1, 70, Mask::Causal);
    checked(1, 40, 1100, 1, 16, Mask::None);
    checked(1, 33, 600, 2, 24, Mask::None);
    checked(1, 530, 530, 1, 8, Mask::Causal);
    checked(1, 300, 520, 1, 8, Mask::Causal);
    checked(1, 600, 270, 1, 8, Mask::Causal);
}

#[test]
fn many_equal_scores_are_summed_exactly_enough() {
    let tokens = |count| Tensor::<3>::ones([1, count, 4], &flex());
    // The first key is looked at ten times as much as each of the others.
    let keys = Tensor::cat(vec![tokens(1) * 2.15, tokens(4095)], 1);
    let out = attention(tokens(1), keys, tokens(4096) * 0.7, 1, Mask::None);
    for out in out.into_data().iter::<f64>() {
        assert!((out - 0.7).abs() < 1e-5, "{out}");
    }
}

#[test]
fn the_largest_score_may_come_late() {
    let (keys, width) = (700, 4);
    let value = values(keys * width, 5);
    // Scores of up to a hundred, of which the largest is among the last keys.
    let rise = |i: usize| 50.0 * (i / width) as f64 / keys as f64;
    let key: Vec<f64> = value.iter().enumerate().map(|(i, x)| x + rise(i)).collect();
    let tensor = |data: &[f64]| {
        let data = TensorData::new(data.to_vec(), [1, data.len() / width, width]);
        Tensor::<3>::from_data(data, (&flex(), DType::F32))
    };
    let out = attention(tensor(&[1.0; 4]), tensor(&key), tensor(&value), 1, Mask::None);
    let scores: Vec<f64> = key.chunks(width).map(|key| key.iter().sum::<f64>() / 2.0).collect();
    let most = scores.iter().copied().fold(f64::MIN, f64::max);
    let weights: Vec<f64> = scores.iter().map(|score| (score - most).exp()).collect();
    for (d, out) in out.into_data().iter::<f64>().enumerate() {
        let weighted = weights.iter().zip(value.chunks(width)).map(|(w, value)| w * value[d]);
        let expected = weighted.sum::<f64>() / weights.iter().sum::<f64>();
        assert!((out - expected).abs() < 1e-4, "{out} for {expected}");
    }
}

fn grouped(batch: usize, [queries, keys]: [usize; 2], heads: usize, group: usize, dim: usize) {
    let (width, narrow) = (heads * group * dim, heads * dim);
    let what =
        format!("attention {batch}x{queries}x{keys}, {group} heads for each of {heads} of {dim}");
    let lengths = [batch * queries * width, batch * keys * narrow, batch * keys * narrow];
    check(&what, &lengths, &|t| {
        let of = |t: &Tensor<1>, tokens, width| t.clone().reshape([batch, tokens, width]);
        let (q, k, v) =
            (of(&t[0], queries, width), of(&t[1], keys, narrow), of(&t[2], keys, narrow));
        attention(q, k, v, heads * group, Mask::Causal).reshape([batch * queries * width])
    });
}

#[test]
fn groups_of_heads_share_their_keys() {
    grouped(2, [77, 77], 2, 4, 16);
    grouped(1, [150, 150], 1, 3, 40);
    grouped(1, [290, 290], 2, 2, 8);
    grouped(3, [5, 9], 3, 2, 1);
}

#[test]
fn causal_with_more_or_fewer_keys_than_queries() {
    checked(1, 5, 9, 1, 4, Mask::Causal);
    checked(1, 90, 40, 1, 4, Mask::Causal);
}

#[test]
fn with_one_key_no_gradient_reaches_queries_and_keys() {
    checked(1, 6, 1, 1, 38, Mask::Causal);
    checked(1, 6, 1, 1, 5, Mask::None);
    checked(3, 89, 1, 3, 39, Mask::None);
}

#[test]
fn views() {
    check("attention of views", &[2 * 7 * 3 * 12], &|t| {
        let all = t[0].clone().reshape([2, 7, 36]);
        let part = |i: usize| all.clone().narrow(2, 12 * i, 12);
        attention(part(0), part(1), part(2), 3, Mask::Causal).reshape([2 * 7 * 12])
    });
}

#[test]
fn no_queries() {
    let zeros = |tokens| Tensor::<3>::zeros([2, tokens, 8], &flex());
    assert_eq!(attention(zeros(0), zeros(3), zeros(3), 2, Mask::None).dims(), [2, 0, 8]);
}

#[test]
fn a_sample_does_not_depend_on_its_batch() {
    for (tokens, mask) in [(16, Mask::None), (77, Mask::Causal), (130, Mask::None)] {
        same_bits_in_any_batch("attention", 9, tokens * 96, &|x, samples| {
            let x = x.reshape([samples, tokens, 96]);
            let part = |i: usize| x.clone().narrow(2, 32 * i, 32);
            attention(part(0), part(1), part(2), 2, mask).reshape([samples * tokens * 32])
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_shape(
        batch in 1usize..4, queries in 1usize..90, keys in 1usize..90, heads in 1usize..4, dim in 1usize..40,
        causal: bool,
    ) {
        checked(batch, queries, keys, heads, dim, if causal { Mask::Causal } else { Mask::None });
    }
}
