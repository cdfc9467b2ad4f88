//! Inception v3 as the Fréchet Inception Distance uses it (Szegedy et al. 2015, arXiv 1512.00567; Heusel et al. 2017, arXiv 1706.08500): the
//! network of 2015 with the quirks of its first release, as pytorch-fid rebuilt it. It has no settings.

mod blocks;

use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};
use burn::tensor::{Tensor, activation, module};
use oubliette_kernels as kernels;

use crate::networks::shapes::{ShapeScope, Shapes};
use crate::scope::Scope;
use blocks::{Block, Pool, Step, Unit};

/// What a batch normalisation adds to its variance.
const EPS: f64 = 1e-3;

/// From pictures to the 2048 numbers that the distance is taken between.
#[derive(Clone, Copy, Debug)]
pub struct Inception;

impl Inception {
    /// Height and width of its pictures.
    pub const SIDE: usize = 299;
    /// Numbers in a picture's features.
    pub const WIDTH: usize = 2048;

    /// The names and sizes of all weights, named as torchvision names them.
    pub fn shapes(self) -> Shapes {
        let mut shapes = Shapes::new();
        let (mut at, mut channels) = (ShapeScope::new(&mut shapes), 3);
        for block in blocks::all() {
            let mut at = match block.name {
                Some(name) => at.at(name),
                None => at.here(),
            };
            let outputs = block.branches.iter().map(|branch| {
                let step = |channels, step: &Step| step_shapes(step, &mut at, channels);
                branch.iter().fold(channels, step)
            });
            channels = outputs.sum();
        }
        shapes
    }

    /// Pictures between -1 and 1, (batch, 3, 299, 299), to (batch, 2048).
    pub fn features(self, at: &Scope<'_>, pixels: Tensor<4>) -> Tensor<2> {
        let x = blocks::all().iter().fold(pixels, |x, block| forward(block, at, &x));
        let [batch, channels, height, width] = x.dims();
        x.reshape([batch, channels, height * width]).mean_dim(2).reshape([batch, channels])
    }
}

fn step_shapes(step: &Step, at: &mut ShapeScope<'_>, channels: usize) -> usize {
    match step {
        Step::Pool(_) => channels,
        Step::Unit(unit) => unit_shapes(unit, at, channels),
        Step::Both(units) => units.iter().map(|unit| unit_shapes(unit, at, channels)).sum(),
    }
}

fn unit_shapes(unit: &Unit, at: &mut ShapeScope<'_>, channels: usize) -> usize {
    let mut at = at.at(unit.name);
    at.add("conv.weight", &[unit.output, channels, unit.kernel.0, unit.kernel.1]);
    for name in ["weight", "bias", "running_mean", "running_var"] {
        at.at("bn").add(name, &[unit.output]);
    }
    unit.output
}

fn forward(block: &Block, at: &Scope<'_>, x: &Tensor<4>) -> Tensor<4> {
    let at = block.name.map_or_else(|| at.clone(), |name| at.at(name));
    let branch = |steps: &Vec<Step>| steps.iter().fold(x.clone(), |x, step| step_of(step, &at, x));
    Tensor::cat(block.branches.iter().map(branch).collect(), 1)
}

fn step_of(step: &Step, at: &Scope<'_>, x: Tensor<4>) -> Tensor<4> {
    match step {
        Step::Unit(unit) => unit_of(unit, at, x),
        Step::Both(units) => {
            Tensor::cat(units.iter().map(|unit| unit_of(unit, at, x.clone())).collect(), 1)
        }
        Step::Pool(Pool::Shrink) => {
            module::max_pool2d(x, MaxPoolOptions::new([3, 3]).with_stride([2, 2]))
        }
        Step::Pool(Pool::Max) => module::max_pool2d(
            x,
            MaxPoolOptions::new([3, 3]).with_stride([1, 1]).with_padding([1, 1]),
        ),
        Step::Pool(Pool::Mean) => {
            let options = AvgPoolOptions::new([3, 3]).with_stride([1, 1]).with_padding([1, 1]);
            module::avg_pool2d(x, options.with_count_include_pad(false))
        }
    }
}

/// Convolution and normalisation as one convolution, then ReLU.
fn unit_of(unit: &Unit, at: &Scope<'_>, x: Tensor<4>) -> Tensor<4> {
    let at = at.at(unit.name);
    let bn = at.at("bn");
    let one = |name| bn.tensor::<1>(name);
    let gain = one("weight") / (one("running_var") + EPS).sqrt();
    let bias = one("bias") - one("running_mean") * gain.clone();
    let weight = at.at("conv").tensor::<4>("weight") * gain.reshape([unit.output, 1, 1, 1]);
    let (height, width) = unit.padding;
    // A kernel of one row or column is padded along the other axis alone.
    let (x, around) = if height == width { (x, height) } else { (padded(x, unit.padding), 0) };
    activation::relu(kernels::conv2d(x, weight, Some(bias), unit.stride, (around, around)))
}

/// Zeros on both sides of either axis.
fn padded(x: Tensor<4>, (rows, columns): (usize, usize)) -> Tensor<4> {
    let around = |x: Tensor<4>, axis: usize, count: usize| {
        let mut shape = x.dims();
        shape[axis] = count;
        let zeros = Tensor::zeros(shape, (&x.device(), x.dtype()));
        if count == 0 { x } else { Tensor::cat(vec![zeros.clone(), x, zeros], axis) }
    };
    around(around(x, 2, rows), 3, columns)
}
