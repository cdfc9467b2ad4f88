//! The denoiser of Stable Diffusion 1.x and 2.x: diffusers' `UNet2DConditionModel`.

use burn::tensor::Tensor;
use oubliette_kernels::{self as kernels, Activation};

use crate::networks::rows::repeated;
use crate::networks::shapes::{ShapeScope, Shapes};
use crate::networks::time_embedding::TimeEmbedding;
use crate::networks::unet_blocks::{Conditions, DownBlock, MidBlock, UpBlock};
use crate::networks::unet_config::UNetConfig;
use crate::scope::Scope;

/// A U-Net that predicts noise, sample or velocity from a noisy latent, a time step and a prompt.
#[derive(Clone, Debug)]
pub struct UNet {
    config: UNetConfig,
    time: TimeEmbedding,
    down: Vec<DownBlock>,
    mid: Option<MidBlock>,
    up: Vec<UpBlock>,
    recompute: bool,
}

impl UNet {
    /// The architecture that a configuration describes.
    pub fn new(config: UNetConfig) -> Self {
        let (time, down) = (config.time_embedding(), config.down_blocks());
        let (mid, up) = (config.mid_block(), config.up_blocks());
        Self { config, time, down, mid, up, recompute: false }
    }

    /// With gradient checkpointing by block: residual blocks and transformers keep what goes in and are computed again in
    /// the backward. A step takes about a third more time; gradients are the same but for the order of some sums.
    pub fn recomputing(self, recompute: bool) -> Self {
        Self { recompute, ..self }
    }

    /// The configuration.
    pub fn config(&self) -> &UNetConfig {
        &self.config
    }

    /// The names and sizes of all weights.
    pub fn shapes(&self) -> Shapes {
        let (config, mut shapes) = (&self.config, Shapes::new());
        let mut at = ShapeScope::new(&mut shapes);
        let first = config.block_out_channels[0];
        at.conv2d("conv_in", config.in_channels, first, config.conv_in_kernel);
        self.time.shapes(&mut at.at("time_embedding"));
        for (i, block) in self.down.iter().enumerate() {
            block.shapes(&mut at.at(format_args!("down_blocks.{i}")));
        }
        if let Some(mid) = &self.mid {
            mid.shapes(&mut at.at("mid_block"));
        }
        for (i, block) in self.up.iter().enumerate() {
            block.shapes(&mut at.at(format_args!("up_blocks.{i}")));
        }
        at.norm("conv_norm_out", first);
        at.conv2d("conv_out", first, config.out_channels, config.conv_out_kernel);
        shapes
    }

    /// `x` (batch, in channels, height, width), time steps `t` (batch) and prompts `context`
    /// (times · batch, tokens, width) to (times · batch, out channels, height, width): all rows of `x` under the first prompts,
    /// then all under the next. What comes before the first look at a prompt is computed once for all of them; its gradients are those of separate rows but for the
    /// order of some sums.
    pub fn forward(
        &self,
        at: &Scope<'_>,
        x: Tensor<4>,
        t: Tensor<1>,
        context: Tensor<3>,
    ) -> Tensor<4> {
        let config = &self.config;
        let at = &at.clone().recomputing(self.recompute);
        let time = self.time.forward(&at.at("time_embedding"), t, x.dtype());
        let rows = context.dims()[0];
        let seen = Conditions { time: kernels::silu(time), context };
        let x = if config.center_input_sample { x * 2.0 - 1.0 } else { x };
        let x = at.at("conv_in").conv2d(x, 1, same(config.conv_in_kernel));
        // Where no level looks at a prompt, all of them see the same.
        let x = repeated(self.levels(at, x, &seen), rows);
        let norm = at.at("conv_norm_out");
        let x = norm.group_norm(x, config.norm_num_groups, config.norm_eps, Activation::Silu);
        at.at("conv_out").conv2d(x, 1, same(config.conv_out_kernel))
    }

    fn levels(&self, at: &Scope<'_>, mut x: Tensor<4>, seen: &Conditions) -> Tensor<4> {
        let mut skips = vec![x.clone()];
        for (i, block) in self.down.iter().enumerate() {
            x = block.forward(&at.at(format_args!("down_blocks.{i}")), x, seen, &mut skips);
        }
        if let Some(mid) = &self.mid {
            x = mid.forward(&at.at("mid_block"), x, seen);
        }
        for (i, block) in self.up.iter().enumerate() {
            x = block.forward(&at.at(format_args!("up_blocks.{i}")), x, seen, &mut skips);
        }
        x
    }
}

/// The padding that keeps the size with an odd kernel.
fn same(kernel: usize) -> (usize, usize) {
    ((kernel - 1) / 2, (kernel - 1) / 2)
}
