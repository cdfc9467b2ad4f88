//! Writes adapters where PEFT and diffusers read them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Map, Value, json};

use super::{Lora, half};
use crate::error::{Error, Result};
use crate::store::{CardSection, NewFolder};
use crate::weights::{Weight, Weights};

/// A tensor for a file: its bytes and its shape.
type Tensors = BTreeMap<String, (Vec<u8>, Vec<usize>)>;

impl Lora {
    /// Writes a new folder with `pytorch_lora_weights.safetensors`, which diffusers' `load_lora_weights` reads.
    ///
    /// `card` becomes its model card. The scale is worked into the second halves, since not every version of diffusers reads an alpha.
    ///
    /// # Errors
    /// When the folder exists or cannot be written.
    pub fn write_diffusers(
        &self,
        destination: &Path,
        base: &Weights,
        card: Option<&CardSection>,
    ) -> Result<()> {
        let new = NewFolder::create(destination)?;
        let mut tensors = Tensors::new();
        for name in self.pairs.keys() {
            let (component, layer) = layer(name);
            let key = format!("{component}.{layer}");
            self.add_halves(&mut tensors, &key, name, base, true);
        }
        new.write(Path::new("pytorch_lora_weights.safetensors"), &bytes(destination, &tensors)?)?;
        if let Some(card) = card {
            new.write(Path::new("README.md"), card.added_to("").as_bytes())?;
        }
        new.finish()
    }

    /// Writes a new PEFT folder. Where both the denoiser and the text encoder are adapted, each gets its own folder
    /// inside, since a PEFT adapter belongs to one model.
    ///
    /// # Errors
    /// When the folder exists or cannot be written.
    pub fn write_peft(&self, destination: &Path, base: &Weights) -> Result<()> {
        let new = NewFolder::create(destination)?;
        let mut components: Vec<&str> = self.pairs.keys().map(|name| layer(name).0).collect();
        components.dedup();
        for component in &components {
            let prefix = if components.len() > 1 { format!("{component}/") } else { String::new() };
            let names: Vec<&str> = self
                .pairs
                .keys()
                .map(String::as_str)
                .filter(|name| layer(name).0 == *component)
                .collect();
            let mut tensors = Tensors::new();
            for name in &names {
                self.add_halves(
                    &mut tensors,
                    &format!("base_model.model.{}", peft_layer(name)),
                    name,
                    base,
                    false,
                );
            }
            let file = format!("{prefix}adapter_model.safetensors");
            new.write(Path::new(&file), &bytes(destination, &tensors)?)?;
            let config = serde_json::to_vec_pretty(&self.config(&names)).unwrap_or_default();
            new.write(Path::new(&format!("{prefix}adapter_config.json")), &config)?;
        }
        new.finish()
    }

    /// PEFT's `adapter_config.json` for the adapters of one component.
    fn config(&self, names: &[&str]) -> Value {
        let (mut alphas, mut ranks) = (Map::new(), Map::new());
        let first = names.first().and_then(|name| self.pairs.get(*name)).copied();
        let (rank, scale) = first.map_or((1, 1.0), |pair| (pair.rank, pair.scale));
        for name in names {
            let pair = self.pairs[*name];
            if (pair.rank, pair.scale) != (rank, scale) {
                alphas.insert(peft_layer(name).to_owned(), json!(pair.scale * pair.rank as f64));
                ranks.insert(peft_layer(name).to_owned(), json!(pair.rank));
            }
        }
        let targets: Vec<&str> = names.iter().map(|name| peft_layer(name)).collect();
        json!({
            "alpha_pattern": alphas,
            "base_model_name_or_path": null,
            "bias": "none",
            "fan_in_fan_out": false,
            "inference_mode": true,
            "init_lora_weights": true,
            "lora_alpha": whole(scale * rank as f64),
            "lora_dropout": 0.0,
            "modules_to_save": null,
            "peft_type": "LORA",
            "r": rank,
            "rank_pattern": ranks,
            "target_modules": targets,
            "task_type": null,
            "use_dora": false,
            "use_rslora": false,
        })
    }

    /// Both halves under PEFT's names, shaped as the layer's weight asks.
    fn add_halves(
        &self,
        tensors: &mut Tensors,
        key: &str,
        name: &str,
        base: &Weights,
        scaled: bool,
    ) {
        let (pair, shape) =
            (self.pairs[name], base.get(name).map(Weight::shape).unwrap_or_default());
        let values = |letter| {
            self.halves.get(&half(name, letter)).map(Weight::to_f32_vec).unwrap_or_default()
        };
        let (a, mut b) = (values('A'), values('B'));
        if scaled {
            b.iter_mut().for_each(|value| *value = (f64::from(*value) * pair.scale) as f32);
        }
        let (outputs, inputs) = (b.len() / pair.rank, a.len() / pair.rank);
        let (mut first, mut second) = (vec![pair.rank, inputs], vec![outputs, pair.rank]);
        if let &[_, inputs, height, width] = shape {
            (first, second) =
                (vec![pair.rank, inputs, height, width], vec![outputs, pair.rank, 1, 1]);
        }
        let bytes = |values: Vec<f32>| values.into_iter().flat_map(f32::to_le_bytes).collect();
        tensors.insert(format!("{key}.lora_A.weight"), (bytes(a), first));
        tensors.insert(format!("{key}.lora_B.weight"), (bytes(b), second));
    }
}

/// Component and layer of a qualified weight name.
fn layer(name: &str) -> (&str, &str) {
    let (component, layer) = name.split_once('/').unwrap_or(("unet", name));
    (component, layer.strip_suffix(".weight").unwrap_or(layer))
}

/// The layer as transformers 5 names it: its text encoders have lost the `text_model.` that diffusers still takes.
fn peft_layer(name: &str) -> &str {
    let layer = layer(name).1;
    layer.strip_prefix("text_model.").unwrap_or(layer)
}

/// PEFT types alpha as a whole number; a fraction stays one.
fn whole(value: f64) -> Value {
    if value.fract() == 0.0 { json!(value as i64) } else { json!(value) }
}

fn bytes(path: &Path, tensors: &Tensors) -> Result<Vec<u8>> {
    let views = tensors.iter().map(|(name, (bytes, shape))| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
        (name.as_str(), view.expect("four bytes for each value"))
    });
    let notes = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(views, Some(notes))
        .map_err(|error| Error::file(path, error.to_string(), "report this as a bug"))
}
