//! The contrastive model of pictures and texts: transformers' `CLIPModel`.

use std::path::Path;

use burn::tensor::{Int, Tensor};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::networks::clip_text::{ClipText, ClipTextConfig};
use crate::networks::clip_vision::ClipVisionConfig;
use crate::networks::limits;
use crate::networks::shapes::{ShapeScope, Shapes};
use crate::scope::Scope;
use crate::store::Fields;

/// A CLIP: texts and pictures in one space.
#[derive(Clone, Debug)]
pub struct ClipModel {
    text: ClipText,
    vision: ClipVisionConfig,
    projection: usize,
}

impl ClipModel {
    /// Reads the object of `config.json`; `path` is named in errors.
    ///
    /// # Errors
    /// A key has a value that is malformed, absurd or not supported.
    pub fn from_json(path: &Path, map: &Map<String, Value>) -> Result<Self> {
        let text = ClipTextConfig::from_json(path, &half(path, map, "text_config")?)?;
        let vision = ClipVisionConfig::from_json(path, &half(path, map, "vision_config")?)?;
        let projection = Fields::new(path, map).size("projection_dim", 512, limits::WIDTH)?;
        Ok(Self { text: ClipText::new(text), vision, projection })
    }

    /// The text half.
    pub fn text(&self) -> &ClipText {
        &self.text
    }

    /// The configuration of the picture half.
    pub fn vision(&self) -> &ClipVisionConfig {
        &self.vision
    }

    /// Width of the common space.
    pub fn projection(&self) -> usize {
        self.projection
    }

    /// The names and sizes of all weights.
    pub fn shapes(&self) -> Shapes {
        let mut shapes = Shapes::new();
        let mut at = ShapeScope::new(&mut shapes);
        self.text.add_shapes(&mut at);
        self.vision.shapes(&mut at);
        at.linear_without_bias("text_projection", self.text.config().width, self.projection);
        at.linear_without_bias("visual_projection", self.vision.width, self.projection);
        at.add("logit_scale", &[]);
        shapes
    }

    /// Prepared pictures (batch, channels, side, side) to vectors in the common space, of any length (batch, width).
    pub fn image_features(&self, at: &Scope<'_>, pixels: Tensor<4>) -> Tensor<2> {
        at.at("visual_projection").linear(self.vision.forward(at, pixels))
    }

    /// The same, of length one.
    pub fn image_embedding(&self, at: &Scope<'_>, pixels: Tensor<4>) -> Tensor<2> {
        unit(self.image_features(at, pixels))
    }

    /// Tokens (batch, tokens) to vectors of length one (batch, width).
    pub fn text_embedding(&self, at: &Scope<'_>, ids: Tensor<2, Int>) -> Tensor<2> {
        unit(at.at("text_projection").linear(self.text.forward(at, ids).pooled))
    }

    /// How well each picture fits each text: (pictures, texts), the cosine of their vectors times
    /// the learned scale.
    pub fn logits(&self, at: &Scope<'_>, images: Tensor<2>, texts: Tensor<2>) -> Tensor<2> {
        let scale = at.tensor::<1>("logit_scale").exp().reshape([1, 1]);
        images.matmul(texts.transpose()) * scale
    }
}

/// One half's configuration. Files of 2022 repeat it under a second key, which goes first.
fn half(path: &Path, map: &Map<String, Value>, key: &str) -> Result<Map<String, Value>> {
    let mut half = Map::new();
    for key in [key.to_owned(), format!("{key}_dict")] {
        match map.get(&key) {
            None | Some(Value::Null) => {}
            Some(Value::Object(entries)) => half.extend(entries.clone()),
            Some(_) => {
                let remedy = "use the file that the model was released with";
                return Err(Error::config(path, key, "is not an object", remedy));
            }
        }
    }
    Ok(half)
}

/// Rows scaled to length one.
fn unit(x: Tensor<2>) -> Tensor<2> {
    let length = x.clone().powi_scalar(2).sum_dim(1).sqrt();
    x / length
}
