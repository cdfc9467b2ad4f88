//! The gradients of a convolution's input and weight.

use super::axis::Axis;
use super::gather::Gather;
use super::weight_gradient::WeightGradient;
use super::weights::{blocks_of, held};
use super::winograd::{self, Kernels, Pass, Tiles};
use super::{Conv, images, pointwise, weights};
use crate::array::Array;
use crate::buffer::unwritten;
use crate::engine::micro::LANES;
use crate::engine::product::Matrix;

impl Conv {
    /// The gradient of x.
    pub(super) fn input_gradient(
        &self,
        gradient: &Array,
        weight: &Array,
        (height, width): (usize, usize),
    ) -> Array {
        let [samples, ..] = gradient.dims::<4>();
        let [_, inputs, kh, kw] = weight.dims();
        let mut dx = unwritten(samples * inputs * height * width);
        if self.is_pointwise((kh, kw)) {
            let left = Matrix { data: weight.data(), row: 1, step: inputs };
            pointwise(gradient, left, inputs, None).run(samples, &mut dx);
            return Array::new(dx, &[samples, inputs, height, width]);
        }
        if self.is_winograd(weight.dims(), (height, width)) {
            let source = images(gradient);
            let pass = Pass {
                tiles: Tiles {
                    source,
                    samples,
                    before: 2 - self.padding.0,
                    result: (height, width),
                },
                kernels: Kernels { weight: weights(weight), turned: true },
                bias: None,
            };
            pass.run(&mut dx);
            return Array::new(dx, &[samples, inputs, height, width]);
        }
        let (weight, source) = (weights(weight), images(gradient));
        for columns in held(inputs, source.channels * kh * kw * LANES) {
            let panels = weight.backward(columns.clone());
            for y in Axis::backward(height, kh, self.stride, self.padding.0) {
                for x in Axis::backward(width, kw, self.stride, self.padding.0) {
                    let gather = Gather {
                        source,
                        samples,
                        panels: &panels,
                        blocks: blocks_of(&columns),
                        taps: (kh * kw, kw),
                        bias: None,
                        y: y.clone(),
                        x,
                        result: (inputs, height, width),
                    };
                    gather.run(&mut dx);
                }
            }
        }
        Array::new(dx, &[samples, inputs, height, width])
    }

    /// The gradient of the weight.
    pub(super) fn weight_gradient(
        &self,
        gradient: &Array,
        x: &Array,
        (kh, kw): (usize, usize),
    ) -> Array {
        let [samples, outputs, height, width] = gradient.dims();
        let (input, output) = (images(x), images(gradient));
        let shape = [outputs, input.channels, kh, kw];
        let pays = winograd::pays_for_weight(input.channels, outputs, (height, width));
        if pays && self.is_filter((kh, kw)) {
            let result = (height, width);
            let tiles = Tiles { source: input, samples, before: self.padding.0, result };
            return Array::new(winograd::WeightGradient { tiles, output }.run(), &shape);
        }
        let (y, x) = (self.forward_axis(height, kh), self.forward_axis(width, kw));
        let dw = WeightGradient { input, output, samples, y, x }.run();
        Array::new(dw, &shape)
    }
}
