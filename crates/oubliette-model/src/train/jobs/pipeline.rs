//! The job `pipeline`: a Stable Diffusion folder put together from the workshop's parts.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Entry;
use super::workshop::Workshop;
use crate::error::Result;
use crate::families::FreshModel;
use crate::weights::Weights;

/// The entry of the list.
pub(super) const ENTRY: Entry =
    Entry { name: "pipeline", about: "a Stable Diffusion folder from the parts", run };

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// `scheduler_config.json`; its `_class_name` is the sampler that the folder names.
    schedule: Map<String, Value>,
    /// The model card, `README.md`; none is written where it is empty.
    card: String,
}

fn run(shop: &mut Workshop<'_>) -> Result<()> {
    let settings: Settings = shop.recipe.settings()?;
    let (tokenizer, _) = shop.tokenizer()?;
    let (clip, text) = shop.clip()?;
    let (vae, _, vae_weights) = shop.vae()?;
    let (unet, mut weights) = shop.unet()?;
    weights.extend(vae_weights);
    weights.extend(text_half(&text.weights));
    let model = FreshModel {
        unet: Value::Object(unet.map),
        vae: Value::Object(vae.map),
        text_encoder: text_config(&clip.map),
        scheduler: Value::Object(settings.schedule),
        tokenizer,
        card: settings.card,
    };
    model.write(&shop.destination(), &weights, shop.recipe.precision)
}

/// The text half of a contrastive model as a component of its own.
fn text_half(clip: &Weights) -> Weights {
    let own = |name: &str| Some(format!("text_encoder/{}", name.strip_prefix("clip/")?));
    let half = clip.iter().filter(|(name, _)| name.starts_with("clip/text_model."));
    half.filter_map(|(name, weight)| Some((own(name)?, weight.clone()))).collect()
}

fn text_config(clip: &Map<String, Value>) -> Value {
    let mut config =
        clip.get("text_config").and_then(Value::as_object).cloned().unwrap_or_default();
    config.insert("architectures".into(), json!(["CLIPTextModel"]));
    config.insert("model_type".into(), json!("clip_text_model"));
    Value::Object(config)
}
