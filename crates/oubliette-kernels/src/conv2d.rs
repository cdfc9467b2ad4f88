//! Two-dimensional convolution.

mod axis;
mod backward;
mod gather;
mod image;
mod pointwise;
mod weight_gradient;
mod weights;
mod winograd;

use burn::tensor::{Tensor, module, ops::ConvOptions};

use crate::array::Array;
use crate::buffer::unwritten;
use crate::engine::micro::LANES;
use crate::engine::product::Matrix;
use crate::engine::reduce::channel_sums;
use crate::op::{Kernel, apply, takes};
use axis::Axis;
use gather::Gather;
use image::Images;
use pointwise::Pointwise;
use weights::{Weights, blocks_of, held};
use winograd::{Kernels, Pass, Tiles};

/// Cross-correlation: `x` (n, in, h, w) with `weight` (out, in, kh, kw) and `bias` (out).
///
/// `stride` holds for both axes. `padding` is (before, after) on both axes, in zeros: (1, 1) keeps the size of a
/// 3x3 kernel at stride 1, (0, 1) is the asymmetric padding of a VAE's downsampling.
/// The result is (n, out, (h + before + after - kh) / stride + 1, likewise w).
///
/// # Panics
/// When the channels of `x` and `weight` differ, `bias` is not (out), `stride` is zero, or the kernel is empty or
/// larger than the padded image.
pub fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    stride: usize,
    padding: (usize, usize),
) -> Tensor<4> {
    let ([_, channels, height, width], [outputs, inputs, kh, kw]) = (x.dims(), weight.dims());
    let around = padding.0 + padding.1;
    assert_eq!(channels, inputs, "conv2d: channels of x against those of weight");
    assert!(stride > 0, "conv2d: stride must not be zero");
    assert!(
        kh * kw > 0 && height + around >= kh && width + around >= kw,
        "conv2d: a {kh}x{kw} kernel on a padded {height}x{width} image"
    );
    if let Some(bias) = &bias {
        assert_eq!(bias.dims(), [outputs], "conv2d: shape of bias");
    }
    if !takes(&x) || !takes(&weight) || !bias.iter().all(takes) {
        return composed(x, weight, bias, stride, padding);
    }
    let conv = Conv { stride, padding };
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(match bias {
        Some(bias) => apply(conv, [x, weight, bias.into_dispatch()]),
        None => apply(conv, [x, weight]),
    })
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

/// Inputs: x, weight, and the bias when there are three.
#[derive(Clone, Debug)]
struct Conv {
    stride: usize,
    padding: (usize, usize),
}

impl Conv {
    /// Positions along an axis of the output.
    fn positions(&self, length: usize, kernel: usize) -> usize {
        (length + self.padding.0 + self.padding.1 - kernel) / self.stride + 1
    }

    fn forward_axis(&self, count: usize, kernel: usize) -> Axis {
        Axis::forward(count, kernel, self.stride, self.padding.0)
    }

    /// Whether it is a matrix product at every pixel.
    fn is_pointwise(&self, kernel: (usize, usize)) -> bool {
        kernel == (1, 1) && self.stride == 1 && self.padding == (0, 0)
    }

    /// Whether Winograd's filtering does it, for a result of this height and width.
    fn is_winograd(&self, [outputs, inputs, kh, kw]: [usize; 4], result: (usize, usize)) -> bool {
        self.is_filter((kh, kw)) && winograd::pays(inputs, outputs, result)
    }

    /// Whether Winograd's filtering can do it.
    fn is_filter(&self, kernel: (usize, usize)) -> bool {
        kernel == (3, 3) && self.stride == 1 && self.padding.0 < 3
    }
}

/// What the backward needs to know of inputs that it may not get to see.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    /// Height and width of x.
    image: (usize, usize),
    /// Height and width of the weight.
    kernel: (usize, usize),
}

impl<const N: usize> Kernel<N> for Conv {
    type Saved = Sizes;
    const CHEAP: bool = false;

    fn forward(&self, inputs: [Array; N]) -> (Array, Sizes) {
        let [samples, _, height, width] = inputs[0].dims();
        let [outputs, _, kh, kw] = inputs[1].dims();
        let (y, x) = (self.positions(height, kh), self.positions(width, kw));
        let mut out = unwritten(samples * outputs * y * x);
        let bias = inputs.get(2).map(Array::data);
        if self.is_pointwise((kh, kw)) {
            let left = Matrix { data: inputs[1].data(), row: inputs[1].shape()[1], step: 1 };
            pointwise(&inputs[0], left, outputs, bias).run(samples, &mut out);
        } else if self.is_winograd(inputs[1].dims(), (y, x)) {
            let source = images(&inputs[0]);
            let pass = Pass {
                tiles: Tiles { source, samples, before: self.padding.0, result: (y, x) },
                kernels: Kernels { weight: weights(&inputs[1]), turned: false },
                bias,
            };
            pass.run(&mut out);
        } else {
            let (source, weight) = (images(&inputs[0]), weights(&inputs[1]));
            for columns in held(outputs, source.channels * kh * kw * LANES) {
                let gather = Gather {
                    source,
                    samples,
                    panels: &weight.forward(columns.clone()),
                    blocks: blocks_of(&columns),
                    taps: (kh * kw, kw),
                    bias,
                    y: self.forward_axis(y, kh),
                    x: self.forward_axis(x, kw),
                    result: (outputs, y, x),
                };
                gather.run(&mut out);
            }
        }
        let sizes = Sizes { image: (height, width), kernel: (kh, kw) };
        (Array::new(out, &[samples, outputs, y, x]), sizes)
    }

    fn reads(&self, wanted: [bool; N]) -> [bool; N] {
        std::array::from_fn(|i| match i {
            0 => wanted[1],
            1 => wanted[0],
            _ => false,
        })
    }

    fn backward(
        &self,
        inputs: [Option<Array>; N],
        sizes: Sizes,
        gradient: Array,
        wanted: [bool; N],
    ) -> [Option<Array>; N] {
        let mut gradients = [const { None }; N];
        if let (true, Some(weight)) = (wanted[0], &inputs[1]) {
            gradients[0] = Some(self.input_gradient(&gradient, weight, sizes.image));
        }
        if let (true, Some(x)) = (wanted[1], &inputs[0]) {
            gradients[1] = Some(self.weight_gradient(&gradient, x, sizes.kernel));
        }
        if N > 2 && wanted[2] {
            let [samples, channels, height, width] = gradient.dims();
            let sums = channel_sums(gradient.data(), samples, channels, height * width);
            gradients[2] = Some(Array::new(sums, &[channels]));
        }
        gradients
    }
}

fn images(x: &Array) -> Images<'_> {
    let [_, channels, height, width] = x.dims();
    Images { data: x.data(), channels, height, width }
}

fn weights(weight: &Array) -> Weights<'_> {
    let [outputs, inputs, kh, kw] = weight.dims();
    Weights { data: weight.data(), outputs, inputs, taps: kh * kw }
}

fn pointwise<'a>(
    x: &'a Array,
    left: Matrix<'a>,
    outputs: usize,
    bias: Option<&'a [f32]>,
) -> Pointwise<'a> {
    let [_, channels, height, width] = x.dims();
    Pointwise { source: x.data(), channels, pixels: height * width, left, outputs, bias }
}
