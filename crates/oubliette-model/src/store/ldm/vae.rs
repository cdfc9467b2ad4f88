//! `first_stage_model.*`: the decoder's levels are counted from the other end.

use crate::networks::VaeConfig;
use crate::store::layout::{Naming, Place};
use crate::store::ldm::{VAE, number, replace_start};

/// Names of an autoencoder with so many levels.
#[derive(Clone, Copy, Debug)]
pub struct LdmVae {
    levels: usize,
}

impl LdmVae {
    /// The names for a configuration.
    pub fn new(config: &VaeConfig) -> Self {
        Self { levels: config.block_out_channels.len() }
    }

    fn rename(&self, name: &str) -> Option<String> {
        match name.split_once('.')? {
            (half @ ("encoder" | "decoder"), rest) => {
                Some(format!("{half}.{}", self.inside(rest)?))
            }
            _ => Some(name.to_owned()),
        }
    }

    fn inside(&self, rest: &str) -> Option<String> {
        let pairs = [
            ("conv_in.", "conv_in."),
            ("conv_out.", "conv_out."),
            ("conv_norm_out.", "norm_out."),
            ("mid_block.resnets.0.", "mid.block_1."),
            ("mid_block.resnets.1.", "mid.block_2."),
            ("mid_block.attentions.0.group_norm.", "mid.attn_1.norm."),
            ("mid_block.attentions.0.to_q.", "mid.attn_1.q."),
            ("mid_block.attentions.0.to_k.", "mid.attn_1.k."),
            ("mid_block.attentions.0.to_v.", "mid.attn_1.v."),
            ("mid_block.attentions.0.to_out.0.", "mid.attn_1.proj_out."),
        ];
        replace_start(rest, &pairs).or_else(|| self.level(rest))
    }

    fn level(&self, rest: &str) -> Option<String> {
        let (side, rest) = rest.split_once('.')?;
        let (level, rest) = number(rest)?;
        let (side, level) = match side {
            "down_blocks" => ("down", level),
            _ => ("up", (self.levels - 1).checked_sub(level)?),
        };
        let pairs = [("downsamplers.0.", "downsample."), ("upsamplers.0.", "upsample.")];
        let rest = match rest.strip_prefix("resnets.") {
            Some(rest) => format!("block.{}", rest.replace("conv_shortcut", "nin_shortcut")),
            None => replace_start(rest, &pairs)?,
        };
        Some(format!("{side}.{level}.{rest}"))
    }
}

impl Naming for LdmVae {
    fn candidates(&self, name: &str) -> Vec<Place> {
        self.rename(name).map(|name| Place::whole(format!("{VAE}{name}"))).into_iter().collect()
    }

    fn is_ignored(&self, tensor: &str) -> bool {
        !tensor.starts_with(VAE)
    }
}
