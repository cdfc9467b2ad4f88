//! The picture half of CLIP: transformers' `CLIPVisionModel`.

use std::path::Path;

use burn::tensor::Tensor;
use oubliette_kernels::Mask;
use serde_json::{Map, Value};

use crate::error::Result;
use crate::networks::activation::Act;
use crate::networks::clip_layer::ClipLayers;
use crate::networks::clip_text::check_heads;
use crate::networks::limits;
use crate::networks::patches::Patches;
use crate::networks::shapes::ShapeScope;
use crate::scope::Scope;
use crate::store::Fields;

/// What `vision_config` says about the picture half of a CLIP.
#[derive(Clone, Debug)]
pub struct ClipVisionConfig {
    /// How pictures are cut.
    pub patches: Patches,
    /// Width of a token.
    pub width: usize,
    layers: ClipLayers,
}

impl ClipVisionConfig {
    /// Reads `vision_config`; `path` is named in errors.
    ///
    /// # Errors
    /// A key has a value that is malformed, absurd or not supported.
    pub fn from_json(path: &Path, map: &Map<String, Value>) -> Result<Self> {
        let fields = Fields::new(path, map);
        let width = fields.size("hidden_size", 768, limits::WIDTH)?;
        let heads = fields.size("num_attention_heads", 12, limits::WIDTH)?;
        check_heads(&fields, width, heads)?;
        let layers = ClipLayers {
            width,
            heads,
            inner: fields.size("intermediate_size", 3072, 8 * limits::WIDTH)?,
            layers: fields.size("num_hidden_layers", 12, limits::LAYERS)?,
            act: Act::read(&fields, Act::QuickGelu)?,
            eps: fields.real("layer_norm_eps", 1e-5, 1e-15, 1.0)?,
        };
        Ok(Self { patches: Patches::read(&fields, 32)?, width, layers })
    }

    pub(crate) fn shapes(&self, at: &mut ShapeScope<'_>) {
        let mut at = at.at("vision_model");
        let (channels, patch) = (Patches::CHANNELS, self.patches.patch_size);
        at.add("embeddings.class_embedding", &[self.width]);
        at.add("embeddings.patch_embedding.weight", &[self.width, channels, patch, patch]);
        at.add("embeddings.position_embedding.weight", &[self.patches.count() + 1, self.width]);
        // The missing letter is the released models'.
        at.norm("pre_layrnorm", self.width);
        self.layers.shapes(&mut at.at("encoder"));
        at.norm("post_layernorm", self.width);
    }

    /// Pictures (batch, channels, side, side) to (batch, width).
    pub(crate) fn forward(&self, at: &Scope<'_>, pixels: Tensor<4>) -> Tensor<2> {
        let at = at.at("vision_model");
        let embeddings = at.at("embeddings");
        let patches = self.patches.cut(&embeddings.at("patch_embedding"), pixels);
        let [batch, _, width] = patches.dims();
        let class = embeddings.tensor::<1>("class_embedding").reshape([1, 1, width]);
        let x = Tensor::cat(vec![class.repeat_dim(0, batch), patches], 1);
        let x = x + embeddings.tensor::<2>("position_embedding.weight").unsqueeze::<3>();
        let x = at.at("pre_layrnorm").layer_norm(x, self.layers.eps);
        let (_, x) = self.layers.forward(&at.at("encoder"), x, Mask::None);
        let class = x.slice([0..batch, 0..1, 0..width]).reshape([batch, width]);
        at.at("post_layernorm").layer_norm(class, self.layers.eps)
    }
}
