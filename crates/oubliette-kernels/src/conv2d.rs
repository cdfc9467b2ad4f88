//! Two-dimensional convolution.

use burn::tensor::{Tensor, module, ops::ConvOptions};

/// Cross-correlation: `x` (n, in, h, w) with `weight` (out, in, kh, kw) and `bias` (out).
///
/// `stride` holds for both axes. `padding` is (before, after) on both axes, in zeros: (1, 1) keeps the size of a
/// 3x3 kernel at stride 1, (0, 1) is the asymmetric padding of a VAE's downsampling.
/// The result is (n, out, (h + before + after - kh) / stride + 1, likewise w).
///
/// # Panics
/// When the channels of `x` and `weight` differ, `stride` is zero, or the kernel is larger than the padded image.
pub fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    stride: usize,
    padding: (usize, usize),
) -> Tensor<4> {
    let ([_, channels, height, width], [_, inputs, kh, kw]) = (x.dims(), weight.dims());
    let around = padding.0 + padding.1;
    assert_eq!(channels, inputs, "conv2d: channels of x against those of weight");
    assert!(stride > 0, "conv2d: stride must not be zero");
    assert!(
        height + around >= kh && width + around >= kw,
        "conv2d: a {kh}x{kw} kernel is larger than the padded {height}x{width} image"
    );
    composed(x, weight, bias, stride, padding)
}

fn composed(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    stride: usize,
    padding: (usize, usize),
) -> Tensor<4> {
    let options =
        ConvOptions { stride: [stride; 2], padding: [padding; 2], dilation: [1; 2], groups: 1 };
    module::conv2d(x, weight, bias, options)
}
