//! From a U-Net's configuration to its blocks.

use crate::networks::resnet::Resnet;
use crate::networks::time_embedding::TimeEmbedding;
use crate::networks::transformer::Transformer;
use crate::networks::unet_blocks::{DownBlock, Layers, MidBlock, UpBlock};
use crate::networks::unet_config::{Mid, UNetConfig};

impl UNetConfig {
    pub(crate) fn time_embedding(&self) -> TimeEmbedding {
        TimeEmbedding {
            waves: self.block_out_channels[0],
            width: self.time_embedding_dim,
            flip_sin_to_cos: self.flip_sin_to_cos,
            freq_shift: self.freq_shift,
        }
    }

    fn resnet(&self, input: usize, output: usize) -> Resnet {
        let (groups, eps) = (self.norm_num_groups, self.norm_eps);
        Resnet { input, output, time: Some(self.time_embedding_dim), groups, eps, scale: 1.0 }
    }

    /// A transformer of the given level, counted on the way down.
    fn transformer(&self, level: usize, layers: usize, only_cross: bool) -> Transformer {
        Transformer {
            channels: self.block_out_channels[level],
            heads: self.heads[level],
            layers,
            context: self.cross_attention_dim[level],
            groups: self.norm_num_groups,
            linear_projection: self.use_linear_projection,
            only_cross,
            upcast: self.upcast_attention,
        }
    }

    fn transformers(&self, level: usize, layers: &[usize]) -> Vec<Transformer> {
        let only_cross = self.only_cross_attention[level];
        layers.iter().map(|&layers| self.transformer(level, layers, only_cross)).collect()
    }

    pub(crate) fn down_blocks(&self) -> Vec<DownBlock> {
        (0..self.block_out_channels.len()).map(|level| self.down_block(level)).collect()
    }

    fn down_block(&self, level: usize) -> DownBlock {
        let channels = self.block_out_channels[level];
        let before = self.block_out_channels[level.saturating_sub(1)];
        let input = |layer| if layer == 0 { before } else { channels };
        let layers = self.layers_per_block[level];
        let resnets = (0..layers).map(|layer| self.resnet(input(layer), channels)).collect();
        let with_attention = self.down_has_attention[level];
        let transformers = if with_attention {
            self.transformers(level, &self.down_transformer_layers[level])
        } else {
            Vec::new()
        };
        // Without padding the reference pads by hand, after the last row and column only.
        let padding = if self.downsample_padding == 0 { (0, 1) } else { (1, 1) };
        let last = level + 1 == self.block_out_channels.len();
        let layers = Layers { resnets, transformers };
        DownBlock { layers, channels, downsample: (!last).then_some(padding) }
    }

    pub(crate) fn mid_block(&self) -> Option<MidBlock> {
        let level = self.block_out_channels.len() - 1;
        let channels = self.block_out_channels[level];
        let scale = self.mid_block_scale_factor;
        let resnet = Resnet { scale, ..self.resnet(channels, channels) };
        let layers = match self.mid {
            Mid::Absent => return None,
            Mid::Plain => Layers { resnets: vec![resnet], transformers: Vec::new() },
            Mid::CrossAttention => Layers {
                resnets: vec![resnet.clone(), resnet],
                transformers: vec![self.transformer(level, self.mid_transformer_layers, false)],
            },
        };
        Some(MidBlock { layers })
    }

    pub(crate) fn up_blocks(&self) -> Vec<UpBlock> {
        (0..self.block_out_channels.len()).map(|step| self.up_block(step)).collect()
    }

    /// The block after `step` others on the way up.
    fn up_block(&self, step: usize) -> UpBlock {
        let widths = &self.block_out_channels;
        let level = widths.len() - 1 - step;
        let channels = widths[level];
        let before = widths[(level + 1).min(widths.len() - 1)];
        // The last layer's skip comes from the level above, whose halving made this level.
        let above = widths[level.saturating_sub(1)];
        let count = self.layers_per_block[level] + 1;
        let resnet = |layer: usize| {
            let input = if layer == 0 { before } else { channels };
            let skip = if layer + 1 == count { above } else { channels };
            self.resnet(input + skip, channels)
        };
        let transformers = if self.up_has_attention[step] {
            self.transformers(level, &self.up_transformer_layers[step])
        } else {
            Vec::new()
        };
        let layers = Layers { resnets: (0..count).map(resnet).collect(), transformers };
        UpBlock { layers, channels, upsample: level != 0 }
    }
}
