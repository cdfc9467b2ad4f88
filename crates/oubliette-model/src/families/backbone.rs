//! Whatever model folder turns pictures into features: a CLIP, a classifier, or the network of the Fréchet Inception Distance.

use std::path::Path;

use burn::tensor::{Device, Tensor};
use image::RgbImage;
use serde_json::Value;

use super::{Classifier, Clip, FidInception};
use crate::error::{Error, Result};
use crate::networks::Inception;
use crate::store::{Folder, MAX_CONFIG_BYTES, read_object};

/// A model whose features of pictures are compared.
#[derive(Clone, Debug)]
pub enum Backbone {
    /// Image embeddings, projected and not scaled to a length.
    Clip(Box<Clip>),
    /// The class token after the last norm: what the labels are told from.
    Classifier(Box<Classifier>),
    /// The last mean over the picture of Inception v3: the standard features of the distance.
    Inception(Box<FidInception>),
}

impl Backbone {
    /// Loads a `CLIPModel`, `ViTForImageClassification` or `FIDInceptionV3` folder, whichever its `config.json` names.
    ///
    /// # Errors
    /// It is none of them, or the folder is not well-formed.
    pub fn load(path: &Path, device: &Device) -> Result<Self> {
        let config = Folder::open(path)?.path("config.json")?;
        let map = read_object(&config, MAX_CONFIG_BYTES)?;
        let class = map.get("architectures").and_then(|list| list.get(0)).and_then(Value::as_str);
        match class {
            Some("CLIPModel") => Ok(Self::Clip(Box::new(Clip::load(path, device)?))),
            Some("ViTForImageClassification") => {
                Ok(Self::Classifier(Box::new(Classifier::load(path, device)?)))
            }
            Some(FidInception::CLASS) => {
                Ok(Self::Inception(Box::new(FidInception::load(path, device)?)))
            }
            other => {
                let why = format!("is `{:.60}`", other.unwrap_or("missing"));
                let remedy =
                    "name a folder of class CLIPModel, ViTForImageClassification or FIDInceptionV3";
                Err(Error::config(&config, "architectures", why, remedy))
            }
        }
    }

    /// Numbers in a picture's features.
    pub fn width(&self) -> usize {
        match self {
            Self::Clip(clip) => clip.network.projection(),
            Self::Classifier(classifier) => classifier.network.width(),
            Self::Inception(_) => Inception::WIDTH,
        }
    }

    /// One row of features for each picture, (pictures, width).
    pub fn features(&self, pictures: &[RgbImage], device: &Device) -> Tensor<2> {
        match self {
            Self::Clip(clip) => clip.image_features(pictures, device),
            Self::Classifier(classifier) => classifier.features(pictures, device),
            Self::Inception(inception) => inception.features(pictures, device),
        }
    }
}
