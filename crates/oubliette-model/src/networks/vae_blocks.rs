//! The parts that encoder and decoder of the autoencoder share.

use burn::tensor::Tensor;
use oubliette_kernels::Activation;

use crate::networks::attention::Attention;
use crate::networks::resnet::Resnet;
use crate::networks::shapes::ShapeScope;
use crate::scope::Scope;

/// All normalisations of the autoencoder have this whatever the file says.
pub(crate) const EPS: f64 = 1e-6;

/// A residual block of the autoencoder.
pub(crate) fn resnet(input: usize, output: usize, groups: usize) -> Resnet {
    Resnet { input, output, time: None, groups, eps: EPS, scale: 1.0 }
}

/// Residual blocks one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Chain(pub(crate) Vec<Resnet>);

impl Chain {
    pub(crate) fn shapes(&self, at: &mut ShapeScope<'_>) {
        for (i, resnet) in self.0.iter().enumerate() {
            resnet.shapes(&mut at.at(format_args!("resnets.{i}")));
        }
    }

    pub(crate) fn forward(&self, at: &Scope<'_>, mut x: Tensor<4>) -> Tensor<4> {
        for (i, resnet) in self.0.iter().enumerate() {
            x = resnet.forward(&at.at(format_args!("resnets.{i}")), x, None);
        }
        x
    }
}

/// Residual block, attention with one head between all pixels, residual block.
#[derive(Clone, Debug)]
pub(crate) struct Mid {
    pub(crate) channels: usize,
    pub(crate) groups: usize,
    pub(crate) attention: bool,
}

impl Mid {
    fn resnet(&self) -> Resnet {
        resnet(self.channels, self.channels, self.groups)
    }

    fn attention(&self) -> Attention {
        let width = self.channels;
        Attention { width, context: width, heads: 1, bias: true, upcast: false }
    }

    pub(crate) fn shapes(&self, at: &mut ShapeScope<'_>) {
        self.resnet().shapes(&mut at.at("resnets.0"));
        if self.attention {
            at.norm("attentions.0.group_norm", self.channels);
            self.attention().shapes(&mut at.at("attentions.0"));
        }
        self.resnet().shapes(&mut at.at("resnets.1"));
    }

    pub(crate) fn forward(&self, at: &Scope<'_>, x: Tensor<4>) -> Tensor<4> {
        let x = self.resnet().forward(&at.at("resnets.0"), x, None);
        let x = if self.attention { self.attend(&at.at("attentions.0"), x) } else { x };
        self.resnet().forward(&at.at("resnets.1"), x, None)
    }

    fn attend(&self, at: &Scope<'_>, x: Tensor<4>) -> Tensor<4> {
        let [batch, channels, height, width] = x.dims();
        let h = at.at("group_norm").group_norm(x.clone(), self.groups, EPS, Activation::None);
        let h = h.reshape([batch, channels, height * width]).swap_dims(1, 2);
        let h = self.attention().forward(at, h, None);
        x + h.swap_dims(1, 2).reshape([batch, channels, height, width])
    }
}
