//! Writes a model that was trained from scratch as a new diffusers folder.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{DIFFUSERS_STEM, TEXT, TRANSFORMERS_STEM, UNET, VAE};
use crate::device::Precision;
use crate::error::Result;
use crate::networks::{ClipText, ClipTextConfig, UNet, UNetConfig, Vae, VaeConfig};
use crate::store::{NewFolder, write_weights};
use crate::weights::Weights;

/// The contents of a new model folder.
#[derive(Clone, Debug)]
pub struct FreshModel {
    /// `unet/config.json`
    pub unet: Value,
    /// `vae/config.json`
    pub vae: Value,
    /// `text_encoder/config.json`
    pub text_encoder: Value,
    /// `scheduler/scheduler_config.json`; its `_class_name` goes into `model_index.json`.
    pub scheduler: Value,
    /// Names and bytes of the files of `tokenizer/`.
    pub tokenizer: Vec<(String, Vec<u8>)>,
    /// The model card, `README.md`; empty: none.
    pub card: String,
}

impl FreshModel {
    /// The three networks that the configurations describe.
    ///
    /// # Errors
    /// A configuration is refused.
    pub fn networks(&self, path: &Path) -> Result<(UNet, Vae, ClipText)> {
        let at = |name: &str| path.join(name).join("config.json");
        let unet = UNetConfig::from_json(&at(UNET), &object(&self.unet))?;
        let vae = VaeConfig::from_json(&at(VAE), &object(&self.vae))?;
        let text = ClipTextConfig::from_json(&at(TEXT), &object(&self.text_encoder))?;
        Ok((UNet::new(unet), Vae::new(vae), ClipText::new(text)))
    }

    /// Writes the folder with weights named `unet/...`, `vae/...` and `text_encoder/...`.
    ///
    /// # Errors
    /// The destination exists, a configuration is refused, a weight is missing or does not fit the
    /// precision, or writing fails; then nothing is there.
    pub fn write(&self, destination: &Path, weights: &Weights, precision: Precision) -> Result<()> {
        let (unet, vae, text) = self.networks(destination)?;
        let new = NewFolder::create(destination)?;
        let parts = [
            (UNET, DIFFUSERS_STEM, &self.unet, unet.shapes()),
            (VAE, DIFFUSERS_STEM, &self.vae, vae.shapes()),
            (TEXT, TRANSFORMERS_STEM, &self.text_encoder, text.shapes()),
        ];
        for (name, stem, config, shapes) in parts {
            new.write_json(&format!("{name}/config.json"), config)?;
            let path = new.place(&Path::new(name).join(format!("{stem}.safetensors")))?;
            write_weights(&path, weights, name, &shapes, precision)?;
        }
        new.write_json("scheduler/scheduler_config.json", &self.scheduler)?;
        for (name, bytes) in &self.tokenizer {
            new.write(&Path::new("tokenizer").join(name), bytes)?;
        }
        if !self.card.is_empty() {
            new.write(Path::new("README.md"), self.card.as_bytes())?;
        }
        new.write_json("model_index.json", &self.index())?;
        new.finish()
    }

    fn index(&self) -> Value {
        let scheduler = self.scheduler.get("_class_name").cloned();
        json!({
            "_class_name": "StableDiffusionPipeline",
            "_diffusers_version": "0.42.1",
            "feature_extractor": [null, null],
            "image_encoder": [null, null],
            "requires_safety_checker": false,
            "safety_checker": [null, null],
            "scheduler": ["diffusers", scheduler.unwrap_or_else(|| json!("PNDMScheduler"))],
            "text_encoder": ["transformers", "CLIPTextModel"],
            "tokenizer": ["transformers", "CLIPTokenizer"],
            "unet": ["diffusers", "UNet2DConditionModel"],
            "vae": ["diffusers", "AutoencoderKL"],
        })
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
