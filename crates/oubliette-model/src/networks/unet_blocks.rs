//! The levels of a U-Net: residual blocks, transformers beside them where the level has any, and
//! the step to the next resolution.

use burn::tensor::Tensor;
use oubliette_kernels as kernels;

use crate::networks::recompute::recomputed;
use crate::networks::resnet::Resnet;
use crate::networks::rows::repeated;
use crate::networks::shapes::ShapeScope;
use crate::networks::transformer::Transformer;
use crate::scope::Scope;
use crate::weights::Weight;

/// What every block of a U-Net sees beside the picture.
pub(crate) struct Conditions {
    /// (batch, width), after its SiLU; batch is that of the latents.
    pub(crate) time: Tensor<2>,
    /// (times · batch, tokens, width): the batch is seen under so many prompts.
    pub(crate) context: Tensor<3>,
}

/// Residual blocks with as many transformers, or with none.
#[derive(Clone, Debug)]
pub(crate) struct Layers {
    pub(crate) resnets: Vec<Resnet>,
    pub(crate) transformers: Vec<Transformer>,
}

impl Layers {
    fn shapes(&self, at: &mut ShapeScope<'_>) {
        for (i, resnet) in self.resnets.iter().enumerate() {
            resnet.shapes(&mut at.at(format_args!("resnets.{i}")));
        }
        for (i, transformer) in self.transformers.iter().enumerate() {
            transformer.shapes(&mut at.at(format_args!("attentions.{i}")));
        }
    }

    fn resnet(&self, i: usize, at: &Scope<'_>, x: Tensor<4>, seen: &Conditions) -> Tensor<4> {
        let (layer, at) = (&self.resnets[i], at.at(format_args!("resnets.{i}")));
        let time = repeated(seen.time.clone(), x.dims()[0]);
        recomputed(layer, &at, [Weight::new(x), Weight::new(time)], |layer, at, [x, time]| {
            layer.forward(at, x.tensor(), Some(&time.tensor()))
        })
    }

    fn transformer(&self, i: usize, at: &Scope<'_>, x: Tensor<4>, seen: &Conditions) -> Tensor<4> {
        let Some(layer) = self.transformers.get(i) else { return x };
        let at = at.at(format_args!("attentions.{i}"));
        let inputs = [Weight::new(x), Weight::new(seen.context.clone())];
        recomputed(layer, &at, inputs, |layer, at, [x, context]| {
            layer.forward(at, x.tensor(), &context.tensor())
        })
    }
}

/// One level on the way down.
#[derive(Clone, Debug)]
pub(crate) struct DownBlock {
    pub(crate) layers: Layers,
    pub(crate) channels: usize,
    /// Padding (before, after) of the halving convolution; the last level has none.
    pub(crate) downsample: Option<(usize, usize)>,
}

impl DownBlock {
    pub(crate) fn shapes(&self, at: &mut ShapeScope<'_>) {
        self.layers.shapes(at);
        if self.downsample.is_some() {
            at.conv2d("downsamplers.0.conv", self.channels, self.channels, 3);
        }
    }

    /// Pushes what every layer made onto `skips`.
    pub(crate) fn forward(
        &self,
        at: &Scope<'_>,
        mut x: Tensor<4>,
        seen: &Conditions,
        skips: &mut Vec<Tensor<4>>,
    ) -> Tensor<4> {
        for i in 0..self.layers.resnets.len() {
            x = self.layers.resnet(i, at, x, seen);
            x = self.layers.transformer(i, at, x, seen);
            skips.push(x.clone());
        }
        if let Some(padding) = self.downsample {
            x = at.at("downsamplers.0.conv").conv2d(x, 2, padding);
            skips.push(x.clone());
        }
        x
    }
}

/// The level between: one residual block, then transformer and residual block where it has any.
#[derive(Clone, Debug)]
pub(crate) struct MidBlock {
    pub(crate) layers: Layers,
}

impl MidBlock {
    pub(crate) fn shapes(&self, at: &mut ShapeScope<'_>) {
        self.layers.shapes(at);
    }

    pub(crate) fn forward(&self, at: &Scope<'_>, x: Tensor<4>, seen: &Conditions) -> Tensor<4> {
        let mut x = self.layers.resnet(0, at, x, seen);
        for i in 1..self.layers.resnets.len() {
            x = self.layers.transformer(i - 1, at, x, seen);
            x = self.layers.resnet(i, at, x, seen);
        }
        x
    }
}

/// One level on the way up.
#[derive(Clone, Debug)]
pub(crate) struct UpBlock {
    pub(crate) layers: Layers,
    pub(crate) channels: usize,
    pub(crate) upsample: bool,
}

impl UpBlock {
    pub(crate) fn shapes(&self, at: &mut ShapeScope<'_>) {
        self.layers.shapes(at);
        if self.upsample {
            at.conv2d("upsamplers.0.conv", self.channels, self.channels, 3);
        }
    }

    /// Takes one skip for each layer off `skips`.
    pub(crate) fn forward(
        &self,
        at: &Scope<'_>,
        mut x: Tensor<4>,
        seen: &Conditions,
        skips: &mut Vec<Tensor<4>>,
    ) -> Tensor<4> {
        for i in 0..self.layers.resnets.len() {
            let skip = skips.pop().expect("a U-Net goes up as many layers as it went down");
            let skip = repeated(skip, x.dims()[0]);
            x = self.layers.resnet(i, at, Tensor::cat(vec![x, skip], 1), seen);
            x = self.layers.transformer(i, at, x, seen);
        }
        match skips.last() {
            Some(next) if self.upsample => {
                let [_, _, height, width] = next.dims();
                at.at("upsamplers.0.conv").conv2d(grow(x, height, width), 1, (1, 1))
            }
            _ => x,
        }
    }
}

/// Doubles the resolution; an odd size is cut to the one that was halved on the way down.
fn grow(x: Tensor<4>, height: usize, width: usize) -> Tensor<4> {
    let x = kernels::upsample_nearest_2x(x);
    let [batch, channels, doubled_height, doubled_width] = x.dims();
    if (doubled_height, doubled_width) == (height, width) {
        return x;
    }
    x.slice([0..batch, 0..channels, 0..height, 0..width])
}
