//! The spatial transformer of the U-Net: pixels attend to each other and to the prompt.

use burn::tensor::Tensor;
use oubliette_kernels::{Activation, Gate};

use crate::attached;
use crate::networks::attention::Attention;
use crate::networks::rows::repeated;
use crate::networks::shapes::ShapeScope;
use crate::scope::Scope;

/// The normalisations inside a transformer block and before it have these whatever the file says.
const LAYER_EPS: f64 = 1e-5;
const GROUP_EPS: f64 = 1e-6;

/// How a [`Transformer`] is built.
#[derive(Clone, Debug)]
pub(crate) struct Transformer {
    pub(crate) channels: usize,
    pub(crate) heads: usize,
    pub(crate) layers: usize,
    /// Width of the prompt's tokens.
    pub(crate) context: usize,
    pub(crate) groups: usize,
    /// Whether the projections around the blocks are linear (SD 2) or 1x1 convolutions (SD 1).
    pub(crate) linear_projection: bool,
    /// Whether the first attention looks at the prompt, too.
    pub(crate) only_cross: bool,
    pub(crate) upcast: bool,
}

impl Transformer {
    fn attention(&self, to_prompt: bool) -> Attention {
        let context = if to_prompt { self.context } else { self.channels };
        let (width, heads, upcast) = (self.channels, self.heads, self.upcast);
        Attention { width, context, heads, bias: false, upcast }
    }

    pub(crate) fn shapes(&self, at: &mut ShapeScope<'_>) {
        let width = self.channels;
        at.norm("norm", width);
        for name in ["proj_in", "proj_out"] {
            if self.linear_projection {
                at.linear(name, width, width);
            } else {
                at.conv2d(name, width, width, 1);
            }
        }
        for layer in 0..self.layers {
            let mut block = at.at(format_args!("transformer_blocks.{layer}"));
            for norm in ["norm1", "norm2", "norm3"] {
                block.norm(norm, width);
            }
            self.attention(self.only_cross).shapes(&mut block.at("attn1"));
            self.attention(true).shapes(&mut block.at("attn2"));
            block.linear("ff.net.0.proj", width, 8 * width);
            block.linear("ff.net.2", 4 * width, width);
        }
    }

    /// `x` (batch, channels, height, width) and `context` (times · batch, tokens, context width) to
    /// (times · batch, channels, height, width), with the rows of `x` under the first prompts before those under the next.
    pub(crate) fn forward(&self, at: &Scope<'_>, x: Tensor<4>, context: &Tensor<3>) -> Tensor<4> {
        let [batch, channels, height, width] = x.dims();
        let h = at.at("norm").group_norm(x.clone(), self.groups, GROUP_EPS, Activation::None);
        // (batch, channels, height, width) -> (batch, pixels, channels)
        let h = h.reshape([batch, channels, height * width]).swap_dims(1, 2);
        let mut h = at.at("proj_in").linear(h);
        for layer in 0..self.layers {
            h = self.block(&at.at(format_args!("transformer_blocks.{layer}")), h, context);
        }
        let h = at.at("proj_out").linear(h);
        let rows = context.dims()[0];
        repeated(x, rows) + h.swap_dims(1, 2).reshape([rows, channels, height, width])
    }

    fn block(&self, at: &Scope<'_>, x: Tensor<3>, context: &Tensor<3>) -> Tensor<3> {
        let (rows, seen) = (context.dims()[0], self.only_cross.then_some(context));
        let x = if self.only_cross { repeated(x, rows) } else { x };
        let h = at.at("norm1").layer_norm(x.clone(), LAYER_EPS);
        let x = x + self.attention(self.only_cross).forward(&at.at("attn1"), h, seen);
        let x = repeated(x, rows);
        let h = at.at("norm2").layer_norm(x.clone(), LAYER_EPS);
        let cross = at.at("attn2");
        let seen = self.attention(true).forward(&cross, h, Some(context));
        let x = x + attached::erased(&cross, seen);
        let h = at.at("norm3").layer_norm(x.clone(), LAYER_EPS);
        x + at.feed_forward(h, "ff.net.0.proj", "ff.net.2", Gate::Gelu)
    }
}
