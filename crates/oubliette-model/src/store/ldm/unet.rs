//! `model.diffusion_model.*`: blocks are counted through, a resampling is a block of its own.

use crate::networks::UNetConfig;
use crate::store::layout::{Naming, Place};
use crate::store::ldm::{UNET, number, replace_start};

/// Names of a U-Net whose levels have these numbers of layers.
#[derive(Clone, Debug)]
pub struct LdmUnet {
    layers: Vec<usize>,
    up_has_attention: Vec<bool>,
}

impl LdmUnet {
    /// The names for a configuration.
    pub fn new(config: &UNetConfig) -> Self {
        let layers = config.layers_per_block.clone();
        Self { layers, up_has_attention: config.up_has_attention.clone() }
    }

    fn rename(&self, name: &str) -> Option<String> {
        let ends = [
            ("conv_in.", "input_blocks.0.0."),
            ("conv_norm_out.", "out.0."),
            ("conv_out.", "out.2."),
            ("time_embedding.linear_1.", "time_embed.0."),
            ("time_embedding.linear_2.", "time_embed.2."),
        ];
        if let Some(renamed) = replace_start(name, &ends) {
            return Some(renamed);
        }
        let (side, rest) = name.split_once('.')?;
        match side {
            "mid_block" => mid(rest),
            "down_blocks" => self.down(rest),
            "up_blocks" => self.up(rest),
            _ => None,
        }
    }

    fn down(&self, rest: &str) -> Option<String> {
        let (level, rest) = number(rest)?;
        let (kind, rest) = rest.split_once('.')?;
        let (layer, rest) = number(rest)?;
        // One block for each layer and one for the halving; the first is `conv_in`.
        let before: usize =
            1 + self.layers.get(..level)?.iter().map(|count| count + 1).sum::<usize>();
        let count = *self.layers.get(level)?;
        match kind {
            "resnets" => Some(format!("input_blocks.{}.0.{}", before + layer, inner(rest)?)),
            "attentions" => Some(format!("input_blocks.{}.1.{rest}", before + layer)),
            "downsamplers" => {
                let end = rest.strip_prefix("conv.")?;
                Some(format!("input_blocks.{}.0.op.{end}", before + count))
            }
            _ => None,
        }
    }

    fn up(&self, rest: &str) -> Option<String> {
        let (step, rest) = number(rest)?;
        let (kind, rest) = rest.split_once('.')?;
        let (layer, rest) = number(rest)?;
        let upward: Vec<usize> = self.layers.iter().rev().map(|count| count + 1).collect();
        let before: usize = upward.get(..step)?.iter().sum();
        match kind {
            "resnets" => Some(format!("output_blocks.{}.0.{}", before + layer, inner(rest)?)),
            "attentions" => Some(format!("output_blocks.{}.1.{rest}", before + layer)),
            "upsamplers" => {
                let place = if *self.up_has_attention.get(step)? { 2 } else { 1 };
                let last = before + upward.get(step)? - 1;
                Some(format!("output_blocks.{last}.{place}.{rest}"))
            }
            _ => None,
        }
    }
}

fn mid(rest: &str) -> Option<String> {
    match rest.split_once('.')? {
        ("resnets", rest) => {
            let (layer, rest) = number(rest)?;
            Some(format!("middle_block.{}.{}", 2 * layer, inner(rest)?))
        }
        ("attentions", rest) => {
            let (layer, rest) = number(rest)?;
            Some(format!("middle_block.{}.{rest}", 2 * layer + 1))
        }
        _ => None,
    }
}

/// Names inside a residual block.
fn inner(rest: &str) -> Option<String> {
    let pairs = [
        ("norm1.", "in_layers.0."),
        ("conv1.", "in_layers.2."),
        ("time_emb_proj.", "emb_layers.1."),
        ("norm2.", "out_layers.0."),
        ("conv2.", "out_layers.3."),
        ("conv_shortcut.", "skip_connection."),
    ];
    replace_start(rest, &pairs)
}

impl Naming for LdmUnet {
    fn candidates(&self, name: &str) -> Vec<Place> {
        self.rename(name).map(|name| Place::whole(format!("{UNET}{name}"))).into_iter().collect()
    }

    fn is_ignored(&self, tensor: &str) -> bool {
        !tensor.starts_with(UNET)
    }
}
