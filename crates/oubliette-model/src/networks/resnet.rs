//! The residual block of U-Net and autoencoder: two convolutions, shifted by the time embedding.

use burn::tensor::Tensor;
use oubliette_kernels::Activation;

use crate::networks::shapes::ShapeScope;
use crate::scope::Scope;

/// A residual block from `input` to `output` channels.
#[derive(Clone, Debug)]
pub(crate) struct Resnet {
    pub(crate) input: usize,
    pub(crate) output: usize,
    /// Width of the time embedding; the autoencoder has none.
    pub(crate) time: Option<usize>,
    pub(crate) groups: usize,
    pub(crate) eps: f64,
    /// What the sum of both branches is divided by.
    pub(crate) scale: f64,
}

impl Resnet {
    pub(crate) fn shapes(&self, at: &mut ShapeScope<'_>) {
        at.norm("norm1", self.input);
        at.conv2d("conv1", self.input, self.output, 3);
        if let Some(time) = self.time {
            at.linear("time_emb_proj", time, self.output);
        }
        at.norm("norm2", self.output);
        at.conv2d("conv2", self.output, self.output, 3);
        if self.input != self.output {
            at.conv2d("conv_shortcut", self.input, self.output, 1);
        }
    }

    /// `x` (batch, input, height, width), `time` (batch, width) after its SiLU, to
    /// (batch, output, height, width).
    pub(crate) fn forward(
        &self,
        at: &Scope<'_>,
        x: Tensor<4>,
        time: Option<&Tensor<2>>,
    ) -> Tensor<4> {
        let act = Activation::Silu;
        let h = at.at("norm1").group_norm(x.clone(), self.groups, self.eps, act);
        let mut h = at.at("conv1").conv2d(h, 1, (1, 1));
        if let Some(time) = time.filter(|_| self.time.is_some()) {
            let shift = at.at("time_emb_proj").linear(time.clone());
            let [batch, channels] = shift.dims();
            h = h + shift.reshape([batch, channels, 1, 1]);
        }
        let act = Activation::Silu;
        let h = at.at("norm2").group_norm(h, self.groups, self.eps, act);
        let h = at.at("conv2").conv2d(h, 1, (1, 1));
        let same = self.input == self.output;
        let x = if same { x } else { at.at("conv_shortcut").conv2d(x, 1, (0, 0)) };
        if self.scale == 1.0 { x + h } else { (x + h) / self.scale }
    }
}
