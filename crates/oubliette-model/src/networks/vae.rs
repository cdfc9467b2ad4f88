//! The autoencoder between pictures and latents: diffusers' `AutoencoderKL`.

use burn::tensor::Tensor;
use oubliette_kernels::{self as kernels, Activation};

use crate::networks::shapes::{ShapeScope, Shapes};
use crate::networks::vae_blocks::{Chain, EPS, Mid, resnet};
use crate::networks::vae_config::VaeConfig;
use crate::scope::Scope;

/// The logarithm of the variance is kept within these bounds.
const LOG_VARIANCE: (f64, f64) = (-30.0, 20.0);

/// An autoencoder with a Gaussian bottleneck.
#[derive(Clone, Debug)]
pub struct Vae {
    config: VaeConfig,
    down: Vec<Chain>,
    mid: Mid,
    up: Vec<Chain>,
}

impl Vae {
    /// The architecture that a configuration describes.
    pub fn new(config: VaeConfig) -> Self {
        let (widths, groups) = (&config.block_out_channels, config.norm_num_groups);
        let chain = |before: usize, channels: usize, count: usize| {
            let input = |layer| if layer == 0 { before } else { channels };
            Chain((0..count).map(|layer| resnet(input(layer), channels, groups)).collect())
        };
        let layers = config.layers_per_block;
        let before = |level: usize| widths[level.saturating_sub(1)];
        let after = |level: usize| widths[(level + 1).min(widths.len() - 1)];
        let levels = 0..widths.len();
        let down = levels.clone().map(|i| chain(before(i), widths[i], layers)).collect();
        let up = levels.rev().map(|i| chain(after(i), widths[i], layers + 1)).collect();
        let channels = widths[widths.len() - 1];
        let mid = Mid { channels, groups, attention: config.mid_block_add_attention };
        Self { config, down, mid, up }
    }

    /// The configuration.
    pub fn config(&self) -> &VaeConfig {
        &self.config
    }

    /// The names and sizes of all weights.
    pub fn shapes(&self) -> Shapes {
        let mut shapes = Shapes::new();
        let mut at = ShapeScope::new(&mut shapes);
        self.encoder_shapes(&mut at.at("encoder"));
        self.decoder_shapes(&mut at.at("decoder"));
        let latent = self.config.latent_channels;
        if self.config.use_quant_conv {
            at.conv2d("quant_conv", 2 * latent, 2 * latent, 1);
        }
        if self.config.use_post_quant_conv {
            at.conv2d("post_quant_conv", latent, latent, 1);
        }
        shapes
    }

    fn encoder_shapes(&self, at: &mut ShapeScope<'_>) {
        let (config, widths) = (&self.config, &self.config.block_out_channels);
        at.conv2d("conv_in", config.in_channels, widths[0], 3);
        for (i, chain) in self.down.iter().enumerate() {
            let mut block = at.at(format_args!("down_blocks.{i}"));
            chain.shapes(&mut block);
            if i + 1 < widths.len() {
                block.conv2d("downsamplers.0.conv", widths[i], widths[i], 3);
            }
        }
        self.mid.shapes(&mut at.at("mid_block"));
        at.norm("conv_norm_out", self.mid.channels);
        at.conv2d("conv_out", self.mid.channels, 2 * config.latent_channels, 3);
    }

    fn decoder_shapes(&self, at: &mut ShapeScope<'_>) {
        let (config, widths) = (&self.config, &self.config.block_out_channels);
        at.conv2d("conv_in", config.latent_channels, self.mid.channels, 3);
        self.mid.shapes(&mut at.at("mid_block"));
        for (i, chain) in self.up.iter().enumerate() {
            let mut block = at.at(format_args!("up_blocks.{i}"));
            chain.shapes(&mut block);
            let channels = widths[widths.len() - 1 - i];
            if i + 1 < widths.len() {
                block.conv2d("upsamplers.0.conv", channels, channels, 3);
            }
        }
        at.norm("conv_norm_out", widths[0]);
        at.conv2d("conv_out", widths[0], config.out_channels, 3);
    }

    /// Pictures (batch, channels, height, width) in -1..1 to the mean and the logarithm of the
    /// variance of their latents, each (batch, latent channels, height / 2^n, width / 2^n).
    pub fn encode(&self, at: &Scope<'_>, x: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let encoder = at.at("encoder");
        let mut x = encoder.at("conv_in").conv2d(x, 1, (1, 1));
        for (i, chain) in self.down.iter().enumerate() {
            let block = encoder.at(format_args!("down_blocks.{i}"));
            x = chain.forward(&block, x);
            if i + 1 < self.down.len() {
                x = block.at("downsamplers.0.conv").conv2d(x, 2, (0, 1));
            }
        }
        let x = self.mid.forward(&encoder.at("mid_block"), x);
        let x = self.out(&encoder, x);
        let x =
            if self.config.use_quant_conv { at.at("quant_conv").conv2d(x, 1, (0, 0)) } else { x };
        let mut halves = x.chunk(2, 1).into_iter();
        let half = "two halves of twice the latent channels";
        let (mean, logvar) = (halves.next().expect(half), halves.next().expect(half));
        (mean, logvar.clamp(LOG_VARIANCE.0, LOG_VARIANCE.1))
    }

    /// Latents (batch, latent channels, height, width), not multiplied by the scaling factor, to
    /// pictures in about -1..1.
    pub fn decode(&self, at: &Scope<'_>, z: Tensor<4>) -> Tensor<4> {
        let post = self.config.use_post_quant_conv;
        let z = if post { at.at("post_quant_conv").conv2d(z, 1, (0, 0)) } else { z };
        let decoder = at.at("decoder");
        let x = decoder.at("conv_in").conv2d(z, 1, (1, 1));
        let mut x = self.mid.forward(&decoder.at("mid_block"), x);
        for (i, chain) in self.up.iter().enumerate() {
            let block = decoder.at(format_args!("up_blocks.{i}"));
            x = chain.forward(&block, x);
            if i + 1 < self.up.len() {
                let grown = kernels::upsample_nearest_2x(x);
                x = block.at("upsamplers.0.conv").conv2d(grown, 1, (1, 1));
            }
        }
        self.out(&decoder, x)
    }

    fn out(&self, at: &Scope<'_>, x: Tensor<4>) -> Tensor<4> {
        let groups = self.config.norm_num_groups;
        let x = at.at("conv_norm_out").group_norm(x, groups, EPS, Activation::Silu);
        at.at("conv_out").conv2d(x, 1, (1, 1))
    }
}
