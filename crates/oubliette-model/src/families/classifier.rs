//! A picture classifier from its folder: transformers' `ViTForImageClassification`.

use std::path::Path;
use std::sync::Arc;

use burn::tensor::{DType, Device, Tensor, activation};
use image::RgbImage;
use serde_json::Value;

use crate::device::Precision;
use crate::error::{Error, Result};
use crate::networks::{Patches, Vit};
use crate::preprocess::Preprocessor;
use crate::store::{
    Component, Config, Folder, MAX_CONFIG_BYTES, NewFolder, Plain, Shards, read_object,
    write_weights,
};
use crate::weights::Weights;

const PREFIX: &str = "vit";
const PREPROCESSOR: &str = "preprocessor_config.json";

/// A classifier with its weights and its preparation of pictures.
#[derive(Clone, Debug)]
pub struct Classifier {
    /// The network.
    pub network: Vit,
    /// Its weights, named `vit/...`.
    pub weights: Weights,
    /// How pictures are prepared.
    pub preprocessor: Preprocessor,
}

impl Classifier {
    /// Loads a folder with `config.json`, `model.safetensors` and `preprocessor_config.json`.
    ///
    /// # Errors
    /// A file is missing, malformed, not supported, or they do not fit each other.
    pub fn load(path: &Path, device: &Device) -> Result<Self> {
        let folder = Folder::open(path)?;
        let config = Config::read(&folder, "ViTForImageClassification")?;
        let network = Vit::from_json(&config.path, &config.map)?;
        let preprocessor = read_preprocessor(&folder, network.patches)?;
        let shards = Arc::new(Shards::open(&folder, "model", None)?);
        let component = Component::find(PREFIX, shards, network.shapes(), &Plain)?;
        let mut weights = Weights::new();
        component.load(&mut weights, device, DType::F32)?;
        Ok(Self { network, weights, preprocessor })
    }

    /// The probability of each label for each picture, (pictures, labels).
    pub fn probabilities(&self, pictures: &[RgbImage], device: &Device) -> Tensor<2> {
        activation::softmax(self.logits(pictures, device), 1)
    }

    /// The logit of each label for each picture, (pictures, labels).
    pub fn logits(&self, pictures: &[RgbImage], device: &Device) -> Tensor<2> {
        let pixels = self.preprocessor.prepare(pictures, device);
        self.network.logits(&self.weights.scope(PREFIX), pixels)
    }

    /// What the labels are told from: the class token after the last norm, (pictures, width).
    pub fn features(&self, pictures: &[RgbImage], device: &Device) -> Tensor<2> {
        let pixels = self.preprocessor.prepare(pictures, device);
        self.network.features(&self.weights.scope(PREFIX), pixels)
    }

    /// The place of a label, by its name.
    pub fn label(&self, name: &str) -> Option<usize> {
        self.network.labels.iter().position(|label| label == name)
    }

    /// Writes a new folder from two files' contents and weights named `vit/...`.
    ///
    /// # Errors
    /// The destination exists, the configuration is refused, a weight is missing, or writing fails.
    pub fn write(
        destination: &Path,
        config: &Value,
        preprocessor: &Value,
        weights: &Weights,
        precision: Precision,
    ) -> Result<()> {
        let map = config.as_object().cloned().unwrap_or_default();
        let network = Vit::from_json(&destination.join("config.json"), &map)?;
        let new = NewFolder::create(destination)?;
        new.write_json("config.json", config)?;
        new.write_json(PREPROCESSOR, preprocessor)?;
        let path = new.place(Path::new("model.safetensors"))?;
        write_weights(&path, weights, PREFIX, &network.shapes(), precision)?;
        new.finish()
    }
}

/// Reads `preprocessor_config.json`, which has to make pictures of the size that the network takes.
pub(super) fn read_preprocessor(folder: &Folder, patches: Patches) -> Result<Preprocessor> {
    let path = folder.path(PREPROCESSOR)?;
    let preprocessor = Preprocessor::from_json(&path, &read_object(&path, MAX_CONFIG_BYTES)?)?;
    let side = patches.image_size;
    let made = preprocessor.final_size();
    if made.is_some_and(|(width, height)| [width as usize, height as usize] == [side; 2]) {
        return Ok(preprocessor);
    }
    let key = if preprocessor.crop.is_some() { "crop_size" } else { "size" };
    let made = made.map_or("any size".to_owned(), |(width, height)| format!("{width} x {height}"));
    let why = format!("makes pictures of {made}, and the network takes {side} x {side}");
    Err(Error::config(&path, key, why, "use the file that the model was released with"))
}
