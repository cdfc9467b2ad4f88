//! What an adapter's config says of the scales of its layers, where nothing is said beside the halves.

use std::path::Path;

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::store::Fields;

/// The most layers with an alpha of their own; a denoiser has some hundred layers.
const MOST_PATTERNS: usize = 1024;
/// The most bytes that one compiled pattern takes.
const LARGEST_PATTERN: usize = 1 << 18;
const ALPHAS: &str = "alpha_pattern";
const REMEDY: &str = "correct the config, or merge the adapter with the program that made it";

/// PEFT's config of one component.
pub(super) struct Said {
    /// What the keys begin with: nothing in PEFT's config, the component in diffusers' notes.
    prefix: String,
    /// The alpha of most layers; their rank where there is none.
    alpha: Option<f64>,
    /// Whether alpha is divided by the root of the rank.
    rooted: bool,
    /// Layers with an alpha of their own; the first pattern that matches counts.
    special: Vec<(Regex, f64)>,
}

impl Said {
    /// Reads the object of a config; `path` is named in errors.
    pub(super) fn read(path: &Path, map: &Map<String, Value>, prefix: &str) -> Result<Self> {
        refuse_other_kinds(path, map)?;
        let fields = Fields::new(path, map);
        let alpha = fields.value("lora_alpha").map(|value| number(&fields, "lora_alpha", value));
        Ok(Self {
            prefix: prefix.to_owned(),
            alpha: alpha.transpose()?,
            rooted: fields.flag("use_rslora", false)?,
            special: special(&fields)?,
        })
    }

    /// Whether this is about the weight of that name.
    pub(super) fn is_about(&self, name: &str) -> bool {
        self.prefix.is_empty() || name.split('/').next() == Some(self.prefix.as_str())
    }

    /// The scale of a layer, which is named as the file names it.
    pub(super) fn scale(&self, layer: &str, rank: usize) -> f64 {
        let layer = layer.strip_prefix("base_model.model.").unwrap_or(layer);
        let inside =
            layer.strip_prefix(self.prefix.as_str()).and_then(|rest| rest.strip_prefix('.'));
        let layer = inside.unwrap_or(layer);
        let special = self.special.iter().find(|(pattern, _)| pattern.is_match(layer));
        let alpha = special.map(|(_, alpha)| *alpha).or(self.alpha).unwrap_or(rank as f64);
        alpha / if self.rooted { (rank as f64).sqrt() } else { rank as f64 }
    }
}

/// PEFT's patterns are regular expressions that match the end of a layer's name.
fn special(fields: &Fields<'_>) -> Result<Vec<(Regex, f64)>> {
    let patterns = match fields.value(ALPHAS) {
        None => return Ok(Vec::new()),
        Some(Value::Object(patterns)) if patterns.len() <= MOST_PATTERNS => patterns,
        Some(_) => {
            let why = format!("is not an object of at most {MOST_PATTERNS} alphas");
            return Err(fields.error(ALPHAS, why, REMEDY));
        }
    };
    let compiled = |(pattern, alpha): (&String, &Value)| {
        let whole = format!(r"^(?:.*\.)?(?:{pattern})$");
        let regex = RegexBuilder::new(&whole).size_limit(LARGEST_PATTERN).build();
        let refused = |_| {
            let why = format!("has the pattern `{pattern:.60}`, which is not supported");
            fields.error(ALPHAS, why, "write the names of its layers in its place")
        };
        Ok((regex.map_err(refused)?, number(fields, ALPHAS, alpha)?))
    };
    patterns.iter().map(compiled).collect()
}

fn number(fields: &Fields<'_>, key: &str, value: &Value) -> Result<f64> {
    value.as_f64().ok_or_else(|| fields.error(key, "says an alpha that is no number", REMEDY))
}

/// Adapters that are more than `B A` would be read wrong in silence.
fn refuse_other_kinds(path: &Path, map: &Map<String, Value>) -> Result<()> {
    let said = |key: &str| map.get(key).filter(|value| !value.is_null());
    let remedy = "convert the adapter to a plain LoRA, or merge it with the program that made it";
    if let Some(kind) = said("peft_type").and_then(Value::as_str).filter(|kind| *kind != "LORA") {
        return Err(Error::config(path, "peft_type", format!("is `{kind:.40}`"), remedy));
    }
    let switches = ["use_dora", "fan_in_fan_out", "lora_bias", "use_qalora", "use_bdlora"];
    if let Some(key) = switches.into_iter().find(|key| said(key) == Some(&Value::Bool(true))) {
        return Err(Error::config(path, key, "is set", remedy));
    }
    if said("bias").and_then(Value::as_str).is_some_and(|bias| bias != "none") {
        return Err(Error::config(path, "bias", "is trained too", remedy));
    }
    let lists = ["modules_to_save", "layer_replication", "trainable_token_indices"];
    match lists.into_iter().find(|key| {
        said(key).is_some_and(|value| value.as_array().is_none_or(|list| !list.is_empty()))
    }) {
        Some(key) => Err(Error::config(path, key, "is set", remedy)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(config: &Value) -> Result<Said> {
        Said::read(Path::new("adapter_config.json"), config.as_object().unwrap(), "")
    }

    #[test]
    fn the_first_pattern_that_matches_counts() {
        let said = said(&json!({
            "lora_alpha": 8,
            "alpha_pattern": {"attn1.to_k": 2, "to_[kv]": 4.0},
        }));
        let said = said.unwrap();
        let scale = |layer: &str| said.scale(layer, 4);
        assert_eq!(scale("base_model.model.mid.attn1.to_k"), 0.5);
        assert_eq!(scale("mid.attn2.to_k"), 1.0);
        assert_eq!((scale("mid.attn1.to_q"), scale("mid.into_k")), (2.0, 2.0));
    }

    #[test]
    fn what_would_scale_otherwise_in_silence_is_refused() {
        let many: Map<String, Value> =
            (0..=MOST_PATTERNS).map(|i| (format!("layer{i}"), json!(1))).collect();
        for (config, words) in [
            (json!({"alpha_pattern": {"(?!attn2)attn1": 4}}), "`(?!attn2)attn1`"),
            (json!({"alpha_pattern": {"a{1000}{1000}": 4}}), "not supported"),
            (json!({"alpha_pattern": {"to_k": "4"}}), "no number"),
            (json!({"alpha_pattern": ["to_k"]}), "not an object"),
            (json!({"alpha_pattern": many}), "at most 1024"),
            (json!({"lora_alpha": "8"}), "no number"),
            (json!({"use_rslora": 1}), "true or false"),
        ] {
            let refused = said(&config).err().map(|error| error.to_string());
            let refused = refused.unwrap_or_else(|| panic!("{config} was taken"));
            assert!(refused.contains("adapter_config.json"), "{refused}");
            assert!(refused.contains(words) && refused.contains("; "), "{refused}");
        }
    }
}
