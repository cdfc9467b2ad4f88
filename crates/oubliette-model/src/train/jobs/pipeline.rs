//! The job `pipeline`: a Stable Diffusion folder put together from the workshop's parts.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::workshop::{TRANSFORMERS, Workshop, write_json};
use super::{Entry, tensors};
use crate::error::{Error, Result};
use crate::schedule::ScheduleConfig;

/// The entry of the list.
pub(super) const ENTRY: Entry =
    Entry { name: "pipeline", about: "a Stable Diffusion folder from the parts", run };

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// `scheduler_config.json`; its `_class_name` is the sampler that the folder names.
    schedule: Map<String, Value>,
    /// The model card.
    card: String,
}

fn run(shop: &mut Workshop<'_>) -> Result<()> {
    let settings: Settings = shop.recipe.settings()?;
    let path = shop.config_path();
    let schedule = Value::Object(settings.schedule.clone()).to_string();
    let sampler = ScheduleConfig::parse(schedule.as_bytes(), &path)?.class;
    let sampler = sampler.unwrap_or_else(|| "PNDMScheduler".to_owned());
    let uses = &shop.recipe.uses;
    let copied = [
        ("tokenizer", shop.used("tokenizer", uses.tokenizer.as_ref())?),
        ("vae", shop.used("vae", uses.vae.as_ref())?),
        ("unet", shop.used("unet", uses.unet.as_ref())?),
    ];
    shop.write_folder(|folder| {
        copied.iter().try_for_each(|(name, from)| copy(from, &folder.join(name)))?;
        write_text_encoder(shop, &folder.join("text_encoder"))?;
        let scheduler = folder.join("scheduler");
        fs::create_dir(&scheduler).map_err(Error::write(&scheduler))?;
        write_json(&scheduler.join("scheduler_config.json"), &settings.schedule)?;
        write_json(&folder.join("model_index.json"), &index(&sampler))?;
        let card = folder.join("README.md");
        fs::write(&card, &settings.card).map_err(Error::write(&card))
    })
}

/// The text half of the contrastive model as a folder of its own.
fn write_text_encoder(shop: &Workshop<'_>, folder: &Path) -> Result<()> {
    let (clip, weights) = shop.clip()?;
    let from = shop.used("clip", shop.recipe.uses.clip.as_ref())?.join("config.json");
    let text = fs::read(&from).map_err(Error::read(&from))?;
    let whole = crate::store::parse_object(&from, &text)?;
    let mut config =
        whole.get("text_config").and_then(Value::as_object).cloned().unwrap_or_default();
    config.insert("architectures".into(), json!(["CLIPTextModel"]));
    config.insert("model_type".into(), json!("clip_text_model"));
    fs::create_dir(folder).map_err(Error::write(folder))?;
    write_json(&folder.join("config.json"), &config)?;
    let path = folder.join(format!("{TRANSFORMERS}.safetensors"));
    tensors::write(&path, &clip.text().shapes(), &weights, shop.recipe.precision)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to).map_err(Error::write(to))?;
    for entry in fs::read_dir(from).map_err(Error::read(from))? {
        let entry = entry.map_err(Error::read(from))?.path();
        if let (true, Some(name)) = (entry.is_file(), entry.file_name()) {
            fs::copy(&entry, to.join(name)).map_err(Error::write(&to.join(name)))?;
        }
    }
    Ok(())
}

fn index(sampler: &str) -> Value {
    json!({
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": "0.42.1",
        "feature_extractor": [null, null],
        "image_encoder": [null, null],
        "requires_safety_checker": false,
        "safety_checker": [null, null],
        "scheduler": ["diffusers", sampler],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    })
}
