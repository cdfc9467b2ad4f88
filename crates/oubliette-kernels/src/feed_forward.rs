//! A transformer's feed-forward with a gated unit, which keeps nothing between its two linear maps.
//!
//! What lies between is eight times as wide as what goes in, the most that a transformer keeps for its backward. Here it
//! is made, used and dropped, a few rows and of the forward a stretch of columns at a time, or of few rows all at once, and made again in the
//! backward: one linear map more, for half of a block's memory.

mod backward;

use burn::tensor::Tensor;

use crate::array::Array;
use crate::buffer::{scratch, unwritten};
use crate::engine::micro::{LANES, Onto};
use crate::engine::panels;
use crate::engine::product::{DEPTH, Matrix, Sizes, product};
use crate::engine::reduce::add_column_sums;
use crate::engine::shared::tile_rows;
use crate::gated::{Gate, gated};
use crate::linear::{self, FEW, linear as mapped};
use crate::op::{Kernel, apply, takes};
use crate::parallel;
use backward::Given;

/// A linear map: `weight` (out, in) as PyTorch stores it, and `bias` (out).
#[derive(Clone, Debug)]
pub struct Dense {
    /// (out, in)
    pub weight: Tensor<2>,
    /// (out)
    pub bias: Option<Tensor<1>>,
}

/// `gated(x U^T + u) D^T + d` over the last axis of `x` (b, n, in): `up` is U (2 inner, in), `down` is D (out, inner).
///
/// The same numbers as [`linear`](crate::linear), [`geglu`](crate::geglu) or [`swiglu`](crate::swiglu) and `linear` again, to
/// the bit.
///
/// # Panics
/// When the sizes do not fit each other.
pub fn feed_forward(x: Tensor<3>, up: Dense, down: Dense, gate: Gate) -> Tensor<3> {
    let ([wide, inputs], [outputs, inner]) = (up.weight.dims(), down.weight.dims());
    assert_eq!(x.dims()[2], inputs, "feed-forward: x against the first weight");
    assert_eq!(
        wide,
        2 * inner,
        "feed-forward: the second weight takes half of what the first one gives"
    );
    let has_taken_bias = |dense: &Dense| dense.bias.iter().all(takes);
    let taken = takes(&x) && takes(&up.weight) && takes(&down.weight);
    if !taken || !has_taken_bias(&up) || !has_taken_bias(&down) {
        return mapped(gated(mapped(x, up.weight, up.bias), gate), down.weight, down.bias);
    }
    let [x, u, d] = [x.into_dispatch(), up.weight.into_dispatch(), down.weight.into_dispatch()];
    Tensor::from_dispatch(match (up.bias, down.bias) {
        (None, None) => apply(FeedForward(gate), [x, u, d]),
        (up, down) => {
            let device = Tensor::<3>::from_dispatch(x.clone()).device();
            let bias = |bias: Option<Tensor<1>>, len: usize| {
                bias.unwrap_or_else(|| Tensor::zeros([len], &device)).into_dispatch()
            };
            apply(FeedForward(gate), [x, u, d, bias(up, wide), bias(down, outputs)])
        }
    })
}

/// Inputs: x, both weights, and both biases when there are five.
#[derive(Clone, Debug)]
struct FeedForward(Gate);

/// Places of the inputs.
const X: usize = 0;
const UP: usize = 1;
const DOWN: usize = 2;
const UP_BIAS: usize = 3;
const DOWN_BIAS: usize = 4;

/// Values between the maps that the backward holds at a time, about; twice as many where it packs no weights.
const TOGETHER: usize = 1 << 20;

#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    inputs: usize,
    inner: usize,
    outputs: usize,
}

impl Shape {
    fn up(self, rows: usize) -> Sizes {
        Sizes { rows, depth: self.inputs, columns: 2 * self.inner }
    }

    fn down(self, rows: usize) -> Sizes {
        Sizes { rows, depth: self.inner, columns: self.outputs }
    }

    /// Whether all that lies between the maps is made at once: where there are few rows, or it takes less memory than packed weights
    /// would, and less time to write.
    fn is_low(self) -> bool {
        self.rows <= FEW.max(self.inputs.min(self.outputs))
    }

    /// Elementary steps of one row through both maps.
    fn cost(self) -> usize {
        (2 * self.inputs + self.outputs) * self.inner
    }

    /// Rows of which the backward holds what lies between the maps. In multiples of `DEPTH` the sums over rows have the
    /// bits of one sum over all.
    fn stretch(self) -> usize {
        (TOGETHER / (3 * self.inner).max(1)).clamp(DEPTH, 4096) / DEPTH * DEPTH
    }
}

impl<const N: usize> Kernel<N> for FeedForward {
    type Saved = ();
    const CHEAP: bool = false;

    fn forward(&self, inputs: [Array; N]) -> (Array, ()) {
        let ([batch, tokens, width], [outputs, inner]) = (inputs[X].dims(), inputs[DOWN].dims());
        let shape = Shape { rows: batch * tokens, inputs: width, inner, outputs };
        let biases = [UP_BIAS, DOWN_BIAS].map(|place| inputs.get(place).map(Array::data));
        let weights = [inputs[UP].data(), inputs[DOWN].data()];
        let y = forward(self.0, inputs[X].data(), weights, biases, shape);
        (Array::new(y, &[batch, tokens, outputs]), ())
    }

    fn reads(&self, wanted: [bool; N]) -> [bool; N] {
        let before = wanted[X] || wanted[UP] || wanted.get(UP_BIAS) == Some(&true);
        let between = before || wanted[DOWN];
        std::array::from_fn(|place| match place {
            DOWN => before,
            DOWN_BIAS => false,
            _ => between,
        })
    }

    fn backward(
        &self,
        inputs: [Option<Array>; N],
        _: (),
        gradient: Array,
        wanted: [bool; N],
    ) -> [Option<Array>; N] {
        let [batch, tokens, outputs] = gradient.dims();
        let rows = batch * tokens;
        let mut gradients = [const { None }; N];
        if let (Some(x), Some(up)) = (&inputs[X], &inputs[UP]) {
            let ([wide, width], dims) = (up.dims(), [batch, tokens, up.shape()[1]]);
            let shape = Shape { rows, inputs: width, inner: wide / 2, outputs };
            let data = |place: usize| inputs.get(place).and_then(Option::as_ref).map(Array::data);
            let given = Given {
                gate: self.0,
                x: x.data(),
                up: up.data(),
                up_bias: data(UP_BIAS),
                down: data(DOWN),
                gradient: gradient.data(),
                shape,
            };
            let asked = |place: usize| wanted.get(place) == Some(&true);
            let wanted = [asked(X), asked(UP), asked(DOWN), asked(UP_BIAS)];
            let [dx, du, dd, db] = given.backward(wanted);
            gradients[X] = dx.map(|dx| Array::new(dx, &dims));
            gradients[UP] = du.map(|du| Array::new(du, &[wide, width]));
            gradients[DOWN] = dd.map(|dd| Array::new(dd, &[outputs, wide / 2]));
            if N > UP_BIAS {
                gradients[UP_BIAS] = db.map(|db| Array::new(db, &[wide]));
            }
        }
        if N > DOWN_BIAS && wanted[DOWN_BIAS] {
            let mut sums = vec![0.0; outputs];
            add_column_sums(gradient.data(), rows, &mut sums);
            gradients[DOWN_BIAS] = Some(Array::new(sums, &[outputs]));
        }
        gradients
    }
}

fn forward(
    gate: Gate,
    x: &[f32],
    [up, down]: [&[f32]; 2],
    [up_bias, down_bias]: [Option<&[f32]>; 2],
    shape: Shape,
) -> Vec<f32> {
    let Shape { rows, inputs, inner, outputs } = shape;
    if shape.is_low() {
        let wide = linear::forward(x, up, up_bias, shape.up(rows));
        let mut unit = unwritten(rows * inner);
        gate.all(&wide, inner, &mut unit);
        drop(wide);
        return linear::forward(&unit, down, down_bias, shape.down(rows));
    }
    let half = inner * inputs;
    let value = panels::from_columns(&up[..half], inputs, inputs, inner);
    let gated = panels::from_columns(&up[half..], inputs, inputs, inner);
    let down = panels::from_columns(down, inner, inner, outputs);
    let maps = Maps { gate, up: [&value, &gated], up_bias, down: &down, down_bias, shape };
    let mut y = unwritten(rows * outputs);
    let height = tile_rows(rows);
    parallel::chunks(&mut y, height * outputs.max(1), rows * shape.cost(), |task, y| {
        let rows = y.len() / outputs;
        maps.rows(&x[task * height * inputs..][..rows * inputs], rows, y);
    });
    y
}

/// Both maps, their weights packed.
struct Maps<'a> {
    gate: Gate,
    /// The halves of the first: of what is gated, and of the gate.
    up: [&'a [f32]; 2],
    up_bias: Option<&'a [f32]>,
    down: &'a [f32],
    down_bias: Option<&'a [f32]>,
    shape: Shape,
}

impl Maps<'_> {
    /// Some rows, on this thread: so much of what lies between at a time as the second map sums before it puts a tile down.
    fn rows(&self, x: &[f32], rows: usize, y: &mut [f32]) {
        let Shape { inner, outputs, .. } = self.shape;
        if inner == 0 {
            return y.chunks_exact_mut(outputs.max(1)).for_each(|row| match self.down_bias {
                Some(bias) => row.copy_from_slice(bias),
                None => row.fill(0.0),
            });
        }
        scratch(rows * 3 * DEPTH.min(inner), |memory| {
            for from in (0..inner).step_by(DEPTH) {
                let some = DEPTH.min(inner - from);
                let (wide, rest) = memory.split_at_mut(rows * 2 * some);
                let unit = &mut rest[..rows * some];
                self.widen(x, from, some, wide);
                self.gate.rows(wide, some, unit);
                let left = Matrix { data: unit, row: some, step: 1 };
                let onto = Onto::bias(self.down_bias).after(from);
                for (panel, column) in
                    self.down.chunks_exact(inner * LANES).zip((0..outputs).step_by(LANES))
                {
                    let panel = &panel[from * LANES..][..some * LANES];
                    let sizes = Sizes { rows, depth: some, columns: LANES.min(outputs - column) };
                    let onto = onto.columns_from(column);
                    product(left, panel, sizes, &mut y[column..], outputs, onto);
                }
            }
        });
    }

    /// Columns `from..from + some` of both halves, side by side.
    fn widen(&self, x: &[f32], from: usize, some: usize, wide: &mut [f32]) {
        let Shape { inputs, inner, .. } = self.shape;
        let x = Matrix { data: x, row: inputs, step: 1 };
        for (half, panels) in self.up.into_iter().enumerate() {
            let bias = self.up_bias.map(|bias| &bias[half * inner + from..][..some]);
            let sizes = Sizes { rows: wide.len() / (2 * some), depth: inputs, columns: some };
            let panels = &panels[from * inputs..];
            product(x, panels, sizes, &mut wide[half * some..], 2 * some, Onto::bias(bias));
        }
    }
}
