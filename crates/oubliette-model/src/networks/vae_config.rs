//! An autoencoder's `config.json`, with the defaults that released files rely on.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::error::Result;
use crate::networks::limits;
use crate::store::Fields;

/// What `config.json` says about an `AutoencoderKL`.
#[derive(Clone, Debug)]
pub struct VaeConfig {
    /// Channels of a picture.
    pub in_channels: usize,
    /// Channels of a decoded picture.
    pub out_channels: usize,
    /// Channels of a latent.
    pub latent_channels: usize,
    /// Channels of each level; all but the last halve the resolution.
    pub block_out_channels: Vec<usize>,
    /// What latents are multiplied by before the denoiser sees them.
    pub scaling_factor: f64,
    pub(crate) layers_per_block: usize,
    pub(crate) norm_num_groups: usize,
    pub(crate) use_quant_conv: bool,
    pub(crate) use_post_quant_conv: bool,
    pub(crate) mid_block_add_attention: bool,
}

impl VaeConfig {
    /// Reads the object of `config.json`; `path` is named in errors.
    ///
    /// # Errors
    /// A key has a value that is malformed, absurd or not supported, or is not known.
    pub fn from_json(path: &Path, map: &Map<String, Value>) -> Result<Self> {
        let fields = Fields::new(path, map);
        let channels = fields.sizes("block_out_channels", &[64], limits::BLOCKS, limits::WIDTH)?;
        check_blocks(&fields, "down_block_types", "DownEncoderBlock2D", channels.len())?;
        check_blocks(&fields, "up_block_types", "UpDecoderBlock2D", channels.len())?;
        fields.neutral("act_fn", &[json!("silu"), json!("swish")])?;
        fields.neutral("latents_mean", &[])?;
        fields.neutral("latents_std", &[])?;
        // The pipelines of Stable Diffusion 1 and 2 leave it out of account, so a model with one is another's.
        fields.neutral("shift_factor", &[json!(0.0), json!(0)])?;
        // Neither changes what is computed here.
        fields.value("sample_size");
        fields.flag("force_upcast", true)?;
        let config = Self {
            in_channels: fields.size("in_channels", 3, limits::WIDTH)?,
            out_channels: fields.size("out_channels", 3, limits::WIDTH)?,
            latent_channels: fields.size("latent_channels", 4, limits::WIDTH)?,
            scaling_factor: fields.real("scaling_factor", 0.18215, 1e-6, 1e6)?,
            layers_per_block: fields.size("layers_per_block", 1, limits::BLOCK_LAYERS)?,
            norm_num_groups: fields.size("norm_num_groups", 32, limits::WIDTH)?,
            use_quant_conv: fields.flag("use_quant_conv", true)?,
            use_post_quant_conv: fields.flag("use_post_quant_conv", true)?,
            mid_block_add_attention: fields.flag("mid_block_add_attention", true)?,
            block_out_channels: channels,
        };
        fields.refuse_unknown()?;
        config.check_divisibility(&fields)?;
        Ok(config)
    }

    /// How many pixels a latent's pixel stands for along one side.
    pub fn downscale(&self) -> usize {
        1 << (self.block_out_channels.len() - 1)
    }

    fn check_divisibility(&self, fields: &Fields<'_>) -> Result<()> {
        let groups = self.norm_num_groups;
        match self.block_out_channels.iter().find(|&&channels| channels % groups != 0) {
            None => Ok(()),
            Some(channels) => {
                let why = format!("is {groups}, a block has {channels} channels");
                let remedy = "choose one that divides the channels of every block";
                Err(fields.error("norm_num_groups", why, remedy))
            }
        }
    }
}

fn check_blocks(fields: &Fields<'_>, key: &str, only: &str, count: usize) -> Result<()> {
    let types = fields.names(key, &vec![only; count], limits::BLOCKS)?;
    if let Some(other) = types.iter().find(|name| *name != only) {
        let why = format!("names `{other:.60}`, which is not supported");
        return Err(fields.error(key, why, format!("use a model of {only}")));
    }
    if types.len() != count {
        let why = format!("lists {} blocks, `block_out_channels` {count}", types.len());
        return Err(fields.error(key, why, "list one type for each block"));
    }
    Ok(())
}
