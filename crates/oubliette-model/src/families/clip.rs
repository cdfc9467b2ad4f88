//! A contrastive model from its folder: transformers' `CLIPModel`.

use std::path::Path;
use std::sync::Arc;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use image::RgbImage;
use serde_json::Value;

use super::classifier::read_preprocessor;
use super::stable_diffusion::{check_links, check_vocabulary};
use crate::device::Precision;
use crate::error::Result;
use crate::networks::ClipModel;
use crate::preprocess::Preprocessor;
use crate::store::{self, Component, Config, Folder, NewFolder, Shards, write_weights};
use crate::tokenizer::ClipTokenizer;
use crate::weights::Weights;

const PREFIX: &str = "clip";

/// A CLIP with its weights, its tokenizer and its preparation of pictures.
#[derive(Clone, Debug)]
pub struct Clip {
    /// The network.
    pub network: ClipModel,
    /// Its weights, named `clip/...`.
    pub weights: Weights,
    /// From texts to tokens.
    pub tokenizer: ClipTokenizer,
    /// How pictures are prepared.
    pub preprocessor: Preprocessor,
}

impl Clip {
    /// Loads a folder with configuration, weights, tokenizer and `preprocessor_config.json`.
    ///
    /// # Errors
    /// A file is missing, malformed, not supported, or they do not fit each other.
    pub fn load(path: &Path, device: &Device) -> Result<Self> {
        let folder = Folder::open(path)?;
        let config = Config::read(&folder, "CLIPModel")?;
        let network = ClipModel::from_json(&config.path, &config.map)?;
        let preprocessor = read_preprocessor(&folder, network.vision().patches)?;
        check_links(&folder)?;
        let tokens = network.text().config().max_tokens;
        let tokenizer = ClipTokenizer::load(folder.root(), tokens)?;
        check_vocabulary(folder.root(), &tokenizer, network.text().config().vocab_size)?;
        let shards = Arc::new(Shards::open(&folder, "model", None)?);
        let component = Component::find(PREFIX, shards, network.shapes(), &store::Clip)?;
        let mut weights = Weights::new();
        component.load(&mut weights, device, DType::F32)?;
        Ok(Self { network, weights, tokenizer, preprocessor })
    }

    /// Vectors of length one, (pictures, width).
    pub fn image_embeddings(&self, pictures: &[RgbImage], device: &Device) -> Tensor<2> {
        let pixels = self.preprocessor.prepare(pictures, device);
        self.network.image_embedding(&self.weights.scope(PREFIX), pixels)
    }

    /// Vectors in the space of pictures and texts, of any length, (pictures, width).
    pub fn image_features(&self, pictures: &[RgbImage], device: &Device) -> Tensor<2> {
        let pixels = self.preprocessor.prepare(pictures, device);
        self.network.image_features(&self.weights.scope(PREFIX), pixels)
    }

    /// Vectors of length one, (texts, width).
    ///
    /// # Errors
    /// A text is absurdly long.
    pub fn text_embeddings(&self, texts: &[String], device: &Device) -> Result<Tensor<2>> {
        let ids = token_ids(&self.tokenizer, texts, device)?;
        Ok(self.network.text_embedding(&self.weights.scope(PREFIX), ids))
    }

    /// How well each picture fits each text, (pictures, texts): cosines times the learned scale.
    pub fn logits(&self, images: Tensor<2>, texts: Tensor<2>) -> Tensor<2> {
        self.network.logits(&self.weights.scope(PREFIX), images, texts)
    }

    /// Writes a new folder from its files' contents and weights named `clip/...`.
    ///
    /// # Errors
    /// The destination exists, the configuration is refused, a weight is missing, or writing fails.
    pub fn write(
        destination: &Path,
        config: &Value,
        preprocessor: &Value,
        tokenizer: &[(String, Vec<u8>)],
        weights: &Weights,
        precision: Precision,
    ) -> Result<()> {
        let map = config.as_object().cloned().unwrap_or_default();
        let network = ClipModel::from_json(&destination.join("config.json"), &map)?;
        let new = NewFolder::create(destination)?;
        new.write_json("config.json", config)?;
        new.write_json("preprocessor_config.json", preprocessor)?;
        for (name, bytes) in tokenizer {
            new.write(Path::new(name), bytes)?;
        }
        let path = new.place(Path::new("model.safetensors"))?;
        write_weights(&path, weights, PREFIX, &network.shapes(), precision)?;
        new.finish()
    }
}

/// Padded tokens of texts, (texts, tokens).
pub(super) fn token_ids(
    tokenizer: &ClipTokenizer,
    texts: &[String],
    device: &Device,
) -> Result<Tensor<2, Int>> {
    let mut ids = Vec::with_capacity(texts.len() * tokenizer.length());
    for text in texts {
        ids.extend(tokenizer.encode(text)?.ids.into_iter().map(i64::from));
    }
    let shape = [texts.len(), tokenizer.length()];
    Ok(Tensor::from_data(TensorData::new(ids, shape), device))
}
