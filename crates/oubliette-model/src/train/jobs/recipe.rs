//! What a training recipe says: which job, on which examples, how long, with which network.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::device::Precision;
use crate::error::{Error, Result};

/// A training recipe: one network made from scratch.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainRecipe {
    /// The version of this form; 1.
    pub schema: u32,
    /// The name of the job: what is trained.
    pub job: String,
    /// The folder to make, below the workshop.
    pub into: PathBuf,
    /// Where everything random comes from.
    #[serde(default)]
    pub seed: u64,
    /// The examples to learn from; a job that puts others' results together needs none.
    #[serde(default)]
    pub data: Data,
    /// The number format of the weights that are written.
    #[serde(default)]
    pub precision: Precision,
    /// How long and how fast.
    #[serde(default)]
    pub pace: Pace,
    /// Folders of the workshop that this job builds on: `tokenizer`, `clip`, `vae`, `unet`.
    #[serde(default)]
    pub uses: Uses,
    /// The keys of the network's `config.json`.
    #[serde(default)]
    pub network: Map<String, Value>,
    /// The job's own settings.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

/// Where the examples come from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// The world whose pictures are drawn: `canvas`; none for a job that needs no examples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub world: Option<String>,
    /// The seed of the drawn pictures.
    #[serde(default)]
    pub seed: u64,
    /// How many pictures are drawn.
    #[serde(default)]
    pub count: usize,
    /// How many pictures from outside the world are drawn beside them.
    #[serde(default)]
    pub outside: usize,
    /// Objects of the world that are never drawn.
    #[serde(default)]
    pub without: Vec<String>,
}

/// How long and how fast a job learns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pace {
    /// Optimiser steps.
    pub steps: u64,
    /// Examples per step.
    pub batch: usize,
    /// The highest learning rate.
    pub learning_rate: f64,
    /// Steps until the learning rate is at its highest; afterwards it falls along a cosine.
    pub warm_up: u64,
    /// AdamW's weight decay.
    pub weight_decay: f64,
    /// AdamW's second beta.
    pub beta2: f64,
    /// Gradients longer than this are shortened to it.
    pub clip_norm: f64,
    /// The decay of the running average that is kept in the end; 0 keeps the last weights.
    pub average: f64,
    /// Steps between checkpoints.
    pub checkpoint: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            steps: 1000,
            batch: 32,
            learning_rate: 1e-3,
            warm_up: 100,
            weight_decay: 0.01,
            beta2: 0.99,
            clip_norm: 1.0,
            average: 0.0,
            checkpoint: 200,
        }
    }
}

/// Folders of the workshop that a job builds on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each is the folder of that component")]
pub struct Uses {
    pub tokenizer: Option<PathBuf>,
    pub clip: Option<PathBuf>,
    pub vae: Option<PathBuf>,
    pub unet: Option<PathBuf>,
}

impl TrainRecipe {
    /// The job's own settings, with their defaults.
    ///
    /// # Errors
    /// A key is unknown or has a value of another kind.
    pub fn settings<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_value(Value::Object(self.settings.clone())).map_err(|error| {
            Error::setting(
                format!("settings of job {}", self.job),
                format!("cannot be used ({error})"),
                "correct the table `[settings]` of the recipe",
            )
        })
    }

    /// Refuses numbers with which no training makes sense.
    ///
    /// # Errors
    /// Names the key.
    pub fn check(&self) -> Result<()> {
        let Pace { steps, batch, learning_rate, clip_norm, average, checkpoint, beta2, .. } =
            self.pace;
        let within = |name: &str, value: f64, least: f64, most: f64| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            let why = format!("is {value}");
            Err(Error::setting(name, why, format!("choose a value from {least} to {most}")))
        };
        within("schema", f64::from(self.schema), 1.0, 1.0)?;
        within("pace.steps", steps as f64, 1.0, 1e8)?;
        within("pace.batch", batch as f64, 1.0, 65536.0)?;
        within("pace.learning_rate", learning_rate, 1e-12, 10.0)?;
        within("pace.clip_norm", clip_norm, 1e-9, 1e9)?;
        within("pace.average", average, 0.0, 0.999_999)?;
        within("pace.beta2", beta2, 0.0, 0.999_999)?;
        within("pace.checkpoint", checkpoint as f64, 1.0, 1e8)?;
        within("data.count", self.data.count as f64, 0.0, 1e7)?;
        within("data.outside", self.data.outside as f64, 0.0, 1e7)
    }
}
