//! Events: one line of `events.jsonl` for every unit of work that ended.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::{Cell, Role};
use crate::{Digest, Real, Result, Share, canonical};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run began; always first, and once.
    Started(Started),
    /// A training run reached a step.
    Trained(Trained),
    /// A picture was made and looked at.
    Sampled(Sampled),
    /// Something else was measured.
    Measured(Measured),
    /// A model folder was written.
    Saved(Saved),
    /// The run ended; always last, and once.
    Finished(Finished),
}

/// The run began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Started {
    /// Digest of the plan.
    pub plan: Digest,
    /// Name and version of the tool.
    pub tool: String,
    /// Kind of device, instruction set and kernel revision: what the bytes may depend on.
    pub device: String,
}

/// A training run reached a step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trained {
    /// The training run, e.g. `finetune/full-1e-4-near/unlearned/0`.
    pub unit: String,
    /// Steps done since its beginning.
    pub steps: u64,
    /// Digest of the weights (and what else the next step needs).
    pub weights: Digest,
    /// Mean loss since the event before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Real>,
}

/// A picture was made and looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sampled {
    /// Arm, subject, run and stage.
    pub cell: Cell,
    /// Which draw of the cell, from 0.
    pub index: u32,
    /// Place of the prompt in the arm's list.
    pub prompt: u32,
    /// Image seed.
    pub seed: u64,
    /// Digest of the PNG file, which lies at `samples/<digest>.png`.
    pub picture: Digest,
    /// Scores by detector.
    pub scores: BTreeMap<String, Score>,
    /// How well picture and prompt agree: the cosine of their embeddings, -1 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alignment: Option<Real>,
}

/// What one detector says about one picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// The picture shows the concept (in keep arms: the prompt's label).
    pub hit: bool,
    /// How sure the detector is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<Share>,
    /// The picture shows something of the concept's superclass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superclass: Option<bool>,
}

/// Something else was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// Name in the list of metrics.
    pub metric: String,
    /// The subject; absent in runs that have one model only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Role>,
    /// The arm, or the training run; absent: the subject as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arm: Option<String>,
    /// The training run, from 0.
    #[serde(default)]
    pub run: u32,
    /// The value.
    pub value: Real,
    /// What it is counted in.
    pub unit: String,
    /// How many things it is a mean of.
    pub count: u32,
}

/// A model folder was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// Name of the folder.
    pub name: String,
    /// Digest of the folder.
    pub digest: Digest,
    /// Digest of each file by its relative path.
    pub files: BTreeMap<String, Digest>,
}

/// The run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finished {}

impl Event {
    /// The event's line: canonical JSON and a line end.
    pub fn to_line(&self) -> Result<String> {
        Ok(canonical::to_text(self)? + "\n")
    }

    /// Reads one line, without its line end.
    pub fn from_line(file: &Path, line: &str) -> Result<Self> {
        canonical::from_text(file, line)
    }
}
