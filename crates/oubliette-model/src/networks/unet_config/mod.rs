//! A U-Net's `config.json`, with the defaults that released files rely on.

use std::path::Path;

use serde_json::{Map, Value};

use crate::error::Result;
use crate::networks::limits;
use crate::store::Fields;

mod block_types;
mod refusals;
mod sample_size;
mod transformer_layers;

pub(crate) use block_types::Mid;

use block_types::{attention_of_down_blocks, attention_of_up_blocks, mid};
use refusals::refuse_other_models;
use sample_size::sample_size;
use transformer_layers::TransformerLayers;

/// What `config.json` says about a U-Net. Lists have one entry for each block on the way down.
#[derive(Clone, Debug)]
pub struct UNetConfig {
    /// Channels of the noisy latent.
    pub in_channels: usize,
    /// Channels of the prediction.
    pub out_channels: usize,
    /// Height and width of the latents that the model was trained on, where the file says so.
    pub sample_size: Option<(usize, usize)>,
    /// Channels of each level.
    pub block_out_channels: Vec<usize>,
    /// Attention heads of each level. The files call this number `attention_head_dim`.
    pub heads: Vec<usize>,
    /// Width of the prompt's tokens at each level.
    pub cross_attention_dim: Vec<usize>,
    pub(crate) center_input_sample: bool,
    pub(crate) flip_sin_to_cos: bool,
    pub(crate) freq_shift: f64,
    pub(crate) time_embedding_dim: usize,
    pub(crate) down_has_attention: Vec<bool>,
    pub(crate) up_has_attention: Vec<bool>,
    pub(crate) mid: Mid,
    pub(crate) mid_block_scale_factor: f64,
    pub(crate) only_cross_attention: Vec<bool>,
    pub(crate) layers_per_block: Vec<usize>,
    /// Transformer layers beside each residual block of each level, down, between and up.
    pub(crate) down_transformer_layers: Vec<Vec<usize>>,
    pub(crate) mid_transformer_layers: usize,
    pub(crate) up_transformer_layers: Vec<Vec<usize>>,
    pub(crate) downsample_padding: usize,
    pub(crate) norm_num_groups: usize,
    pub(crate) norm_eps: f64,
    pub(crate) use_linear_projection: bool,
    pub(crate) upcast_attention: bool,
    pub(crate) conv_in_kernel: usize,
    pub(crate) conv_out_kernel: usize,
}

impl UNetConfig {
    /// Reads the object of `config.json`; `path` is named in errors.
    ///
    /// # Errors
    /// A key has a value that is malformed, absurd or not supported, or is not known.
    pub fn from_json(path: &Path, map: &Map<String, Value>) -> Result<Self> {
        let fields = Fields::new(path, map);
        refuse_other_models(&fields)?;
        let channels = fields.sizes(
            "block_out_channels",
            &[320, 640, 1280, 1280],
            limits::BLOCKS,
            limits::WIDTH,
        )?;
        let blocks = channels.len();
        let layers = fields.size_per_block("layers_per_block", 2, blocks, limits::BLOCK_LAYERS)?;
        let transformers = TransformerLayers::read(&fields, &layers)?;
        let time = fields.size("time_embedding_dim", 4 * channels[0], 8 * limits::WIDTH)?;
        let config = Self {
            in_channels: fields.size("in_channels", 4, limits::WIDTH)?,
            out_channels: fields.size("out_channels", 4, limits::WIDTH)?,
            sample_size: sample_size(&fields)?,
            heads: fields.size_per_block("attention_head_dim", 8, blocks, limits::WIDTH)?,
            cross_attention_dim: fields.size_per_block(
                "cross_attention_dim",
                1280,
                blocks,
                limits::WIDTH,
            )?,
            center_input_sample: fields.flag("center_input_sample", false)?,
            flip_sin_to_cos: fields.flag("flip_sin_to_cos", true)?,
            freq_shift: fields.real("freq_shift", 0.0, 0.0, 1.0)?,
            time_embedding_dim: time,
            down_has_attention: attention_of_down_blocks(&fields, blocks)?,
            up_has_attention: attention_of_up_blocks(&fields, blocks)?,
            mid: mid(&fields)?,
            mid_block_scale_factor: fields.real("mid_block_scale_factor", 1.0, 1e-3, 1e3)?,
            only_cross_attention: fields.flag_per_block("only_cross_attention", false, blocks)?,
            layers_per_block: layers,
            down_transformer_layers: transformers.down,
            mid_transformer_layers: transformers.mid,
            up_transformer_layers: transformers.up,
            downsample_padding: fields.count("downsample_padding", 1, 1)?,
            norm_num_groups: fields.size("norm_num_groups", 32, limits::WIDTH)?,
            norm_eps: fields.real("norm_eps", 1e-5, 1e-12, 1.0)?,
            use_linear_projection: fields.flag("use_linear_projection", false)?,
            upcast_attention: fields.flag("upcast_attention", false)?,
            conv_in_kernel: odd_kernel(&fields, "conv_in_kernel")?,
            conv_out_kernel: odd_kernel(&fields, "conv_out_kernel")?,
            block_out_channels: channels,
        };
        fields.refuse_unknown()?;
        config.check_divisibility(&fields)?;
        Ok(config)
    }

    fn check_divisibility(&self, fields: &Fields<'_>) -> Result<()> {
        let remedy = "choose one that divides the channels of every block";
        for (channels, heads) in self.block_out_channels.iter().zip(&self.heads) {
            if channels % self.norm_num_groups != 0 {
                let why = format!("is {}, a block has {channels}", self.norm_num_groups);
                return Err(fields.error("norm_num_groups", why, remedy));
            }
            if channels % heads != 0 {
                let why = format!("gives a block of {channels} channels {heads} heads");
                return Err(fields.error("attention_head_dim", why, remedy));
            }
        }
        Ok(())
    }
}

fn odd_kernel(fields: &Fields<'_>, key: &str) -> Result<usize> {
    let kernel = fields.size(key, 3, limits::KERNEL)?;
    let why = || format!("is {kernel}, an even width");
    if kernel % 2 == 1 { Ok(kernel) } else { Err(fields.error(key, why(), "it must be odd")) }
}
