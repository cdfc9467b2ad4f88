//! Linear map of the last axis.

use burn::tensor::Tensor;

/// `x W^T + b` over the last axis: `x` (.., in), `weight` (out, in) as PyTorch stores it, `bias` (out) give (.., out).
///
/// # Panics
/// When the last axis of `x` is not `in`, or `bias` is not (out).
pub fn linear<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
) -> Tensor<D> {
    let [outputs, inputs] = weight.dims();
    let dims = x.dims();
    assert_eq!(dims[D - 1], inputs, "linear: x {dims:?} against weight ({outputs}, {inputs})");
    composed(x, weight, bias)
}

fn composed<const D: usize>(x: Tensor<D>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<D> {
    let [outputs, inputs] = weight.dims();
    let mut dims = x.dims();
    let rows: usize = dims[..D - 1].iter().product();
    dims[D - 1] = outputs;
    let mut y = x.reshape([rows, inputs]).matmul(weight.transpose());
    if let Some(bias) = bias {
        y = y + bias.reshape([1, outputs]);
    }
    y.reshape(dims)
}
