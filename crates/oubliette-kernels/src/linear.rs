//! Linear map of the last axis.

use burn::tensor::Tensor;

use crate::array::Array;
use crate::buffer::{Parts, scratch, unwritten};
use crate::engine::micro::{LANES, Onto};
use crate::engine::panels;
use crate::engine::product::{DEPTH, Matrix, Sizes, product};
use crate::engine::reduce::column_sums;
use crate::engine::shared::{Right, shared, tile_rows};
use crate::engine::transpose::transpose;
use crate::op::{Kernel, apply, takes};
use crate::parallel;

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
    if let Some(bias) = &bias {
        assert_eq!(bias.dims(), [outputs], "linear: shape of bias");
    }
    if !takes(&x) || !takes(&weight) || !bias.iter().all(takes) {
        return composed(x, weight, bias);
    }
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(match bias {
        Some(bias) => apply(Linear, [x, weight, bias.into_dispatch()]),
        None => apply(Linear, [x, weight]),
    })
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

/// Inputs: x, weight, and the bias when there are three.
#[derive(Clone, Debug)]
struct Linear;

impl<const N: usize> Kernel<N> for Linear {
    type Saved = ();
    const CHEAP: bool = false;

    fn forward(&self, inputs: [Array; N]) -> (Array, ()) {
        let [columns, depth] = inputs[1].dims();
        let sizes = Sizes { rows: rows(&inputs[0]), depth, columns };
        let bias = inputs.get(2).map(Array::data);
        let dims = with_last(&inputs[0], columns);
        let (x, weight) = (inputs[0].data(), inputs[1].data());
        (Array::new(forward(x, weight, bias, sizes), &dims), ())
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
        _: (),
        gradient: Array,
        wanted: [bool; N],
    ) -> [Option<Array>; N] {
        let outputs = gradient.shape()[gradient.shape().len() - 1];
        let rows = rows(&gradient);
        let mut gradients = [const { None }; N];
        if let (true, Some(weight)) = (wanted[0], &inputs[1]) {
            gradients[0] = Some(input_gradient(&gradient, weight, rows));
        }
        if let (true, Some(x)) = (wanted[1], &inputs[0]) {
            gradients[1] = Some(weight_gradient(&gradient, x, rows, outputs));
        }
        if N > 2 && wanted[2] {
            gradients[2] =
                Some(Array::new(column_sums(gradient.data(), rows, outputs), &[outputs]));
        }
        gradients
    }
}

/// `x W^T + b` of row-major slices.
pub(crate) fn forward(x: &[f32], weight: &[f32], bias: Option<&[f32]>, sizes: Sizes) -> Vec<f32> {
    let mut y = unwritten(sizes.rows * sizes.columns);
    if sizes.rows <= FEW {
        few_rows(x, weight, bias, sizes, &mut y);
    } else {
        shared(x, Right::Columns { data: weight, stride: sizes.depth }, bias, sizes, &mut y);
    }
    y
}

/// Up to this many rows the weight is read as it lies and x is packed; beyond, the weight is (see [`shared`]).
pub(crate) const FEW: usize = 64;

/// How many vectors lie in `x`.
fn rows(x: &Array) -> usize {
    x.shape()[..x.shape().len() - 1].iter().product()
}

/// The shape of `x` with another last axis.
fn with_last(x: &Array, last: usize) -> Vec<usize> {
    let mut dims = x.shape().to_vec();
    dims[x.shape().len() - 1] = last;
    dims
}

/// The same sums with the operands' places exchanged.
fn few_rows(x: &[f32], weight: &[f32], bias: Option<&[f32]>, sizes: Sizes, y: &mut [f32]) {
    let Sizes { rows, depth, columns } = sizes;
    let panels = panels::from_columns(x, depth, depth, rows);
    let parts = Parts::new(y);
    let height = tile_rows(columns);
    parallel::tasks(columns.div_ceil(height), rows * depth * columns, |task| {
        let from = task * height;
        let height = height.min(columns - from);
        scratch(height * rows, |tile| {
            for (i, row) in tile.chunks_exact_mut(rows.max(1)).enumerate() {
                row.fill(bias.map_or(0.0, |bias| bias[from + i]));
            }
            let left = Matrix { data: &weight[from * depth..], row: depth, step: 1 };
            let sizes = Sizes { rows: height, depth, columns: rows };
            product(left, &panels, sizes, tile, rows, Onto::There);
            for r in 0..rows {
                // SAFETY: the tasks' ranges of columns do not overlap.
                let out = unsafe { parts.part(r * columns + from, height) };
                for (i, out) in out.iter_mut().enumerate() {
                    *out = tile[i * rows + r];
                }
            }
        });
    });
}

fn input_gradient(gradient: &Array, weight: &Array, rows: usize) -> Array {
    let [outputs, inputs] = weight.dims();
    let sizes = Sizes { rows, depth: outputs, columns: inputs };
    let mut dx = unwritten(rows * inputs);
    let weight = Right::Rows { data: weight.data(), stride: inputs };
    shared(gradient.data(), weight, None, sizes, &mut dx);
    Array::new(dx, &with_last(gradient, inputs))
}

fn weight_gradient(gradient: &Array, x: &Array, rows: usize, outputs: usize) -> Array {
    let inputs = x.shape()[x.shape().len() - 1];
    if rows == 0 {
        return Array::new(vec![0.0; outputs * inputs], &[outputs, inputs]);
    }
    let mut dw = unwritten(outputs * inputs);
    add_weight_gradient(gradient.data(), x.data(), [rows, outputs, inputs], &mut dw, false);
    Array::new(dw, &[outputs, inputs])
}

/// Values from one row of a turned gradient to the next: rows a power of two apart would share the same few lines of the first cache.
const PITCH: usize = DEPTH + LANES;

/// `dw = gradient^T x`, or `dw += ..` with `add`; `gradient` is (rows, outputs), `x` (rows, inputs).
pub(crate) fn add_weight_gradient(
    gradient: &[f32],
    x: &[f32],
    [rows, outputs, inputs]: [usize; 3],
    dw: &mut [f32],
    add: bool,
) {
    let onto = if add { Onto::There } else { Onto::Nothing };
    let panels = panels::from_rows(x, inputs, rows, inputs);
    let height = tile_rows(outputs).min(32);
    parallel::chunks(dw, height * inputs.max(1), rows * outputs * inputs, |task, dw| {
        let first = task * height;
        let height = dw.len() / inputs;
        scratch(height * PITCH, |turned| {
            for k in (0..rows).step_by(DEPTH) {
                let some = DEPTH.min(rows - k);
                let gradient = &gradient[k * outputs + first..];
                transpose(gradient, outputs, some, height, turned, PITCH);
                let left = Matrix { data: turned, row: PITCH, step: 1 };
                for (panel, from) in
                    panels.chunks_exact(rows * LANES).zip((0..inputs).step_by(LANES))
                {
                    let panel = &panel[k * LANES..][..some * LANES];
                    let sizes =
                        Sizes { rows: height, depth: some, columns: LANES.min(inputs - from) };
                    product(left, panel, sizes, &mut dw[from..], inputs, onto.after(k));
                }
            }
        });
    });
}
