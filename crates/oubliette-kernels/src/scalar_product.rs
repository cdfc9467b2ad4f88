//! Scalar products in double precision.

use burn::tensor::{DType, Tensor};
use rayon::prelude::*;

use crate::array::Array;
use crate::engine::level::for_each_level;
use crate::op::{plain, takes};

/// Values whose products are added up before their sum joins the others.
const BLOCK: usize = 1 << 14;

/// The scalar product of two tensors of one shape outside autodiff, summed in `f64`; what is `f32` is not copied.
///
/// # Panics
/// When the shapes differ.
pub fn scalar_product<const D: usize>(a: &Tensor<D>, b: &Tensor<D>) -> f64 {
    assert_eq!(a.dims(), b.dims(), "scalar_product: two tensors of one shape");
    // Shorter formats are exact in `f32`.
    let [a, b] = [a, b].map(|x| match x.dtype() {
        DType::F16 | DType::BF16 => x.clone().cast(DType::F32),
        _ => x.clone(),
    });
    let own = |x: &Tensor<D>| takes(x) && !x.device().is_autodiff();
    if !(own(&a) && own(&b)) {
        return composed(a, b);
    }
    let [a, b] = [a, b].map(|x| Array::from_tensor(plain::unwrap(x.into_dispatch())));
    let (a, b) = (a.data(), b.data());
    if a.len() <= BLOCK {
        return products(a, b);
    }
    let blocks = a.par_chunks(BLOCK).zip(b.par_chunks(BLOCK));
    let sums: Vec<f64> = blocks.map(|(a, b)| products(a, b)).collect();
    sums.into_iter().sum()
}

fn composed<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> f64 {
    let [a, b] = [a, b].map(|x| x.into_data().convert::<f64>());
    a.iter::<f64>().zip(b.iter::<f64>()).map(|(a, b)| a * b).sum()
}

for_each_level! {
    /// The sum of products, in sixteen interleaved parts.
    fn products(a: &[f32], b: &[f32]) -> f64 = sum_of_products
}

#[inline(always)]
fn sum_of_products<const FUSED: bool>(a: &[f32], b: &[f32]) -> f64 {
    // A product of two `f32` is exact in `f64`, so fusing would change nothing.
    let product = |(a, b): (&f32, &f32)| f64::from(*a) * f64::from(*b);
    let mut parts = [0.0f64; 16];
    let (a, b) = (a.chunks_exact(16), b.chunks_exact(16));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(product).sum();
    for (a, b) in a.zip(b) {
        for (part, pair) in parts.iter_mut().zip(a.iter().zip(b)) {
            *part += product(pair);
        }
    }
    parts.into_iter().sum::<f64>() + rest
}
