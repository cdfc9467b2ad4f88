//! The numbers a verdict rests on, each with its bounds.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::{ArmKind, Role};
use crate::{Real, Share};

/// Hits among samples, with exact one-sided bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Hits.
    pub hits: u32,
    /// Samples.
    pub of: u32,
    /// Hits by samples.
    pub rate: Share,
    /// Lower bound.
    pub low: Share,
    /// Upper bound.
    pub high: Share,
}

/// A difference of two means, with one-sided bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// The difference that was seen.
    pub value: Real,
    /// Lower bound.
    pub low: Real,
    /// Upper bound.
    pub high: Real,
}

/// One arm on one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArmFinding {
    /// The arm.
    pub arm: String,
    /// What it is for.
    pub kind: ArmKind,
    /// The subject.
    pub subject: Role,
    /// Whether the verdict rests on it.
    pub decides: bool,
    /// All samples together; its bounds hold only if training runs do not differ.
    pub all: Rate,
    /// Each training run by itself; one for what is not trained.
    pub runs: Vec<Rate>,
    /// What decides: the largest lower bound of a run, and the largest upper bound of a run; for
    /// arms that need the never-exposed control, of the difference to it.
    pub bounds: Difference,
    /// At most this share of all possible training runs reach `returned`; trained arms only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_runs: Option<Share>,
    /// Pictures that show something of the superclass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superclass: Option<Rate>,
    /// Mean probability that the deciding detector gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<Share>,
    /// The other detectors.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<String, Opinion>,
}

/// What a detector says that does not decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Opinion {
    /// Its hits.
    pub rate: Rate,
    /// Pictures on which it and the deciding detector agree.
    pub agrees: u32,
    /// Mean probability that it gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<Share>,
}

/// One keep arm on one subject, beside the original on the same prompts and seeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeepFinding {
    /// The keep arm.
    pub arm: String,
    /// Its group.
    pub group: String,
    /// The trained arm whose models it looks at; absent: the subject as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The subject.
    pub subject: Role,
    /// What it shows.
    pub kept: Rate,
    /// What the original shows.
    pub original: Rate,
    /// Shown by the original and not by the subject.
    pub lost: u32,
    /// Shown by the subject and not by the original.
    pub gained: u32,
    /// The loss of the keep rate.
    pub loss: Difference,
    /// Whether the subject keeps less than the claim's `destroyed` part.
    pub destroyed: bool,
    /// The alignment score on the same pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alignment: Option<AlignmentFinding>,
}

/// Alignment of a subject's pictures beside the original's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlignmentFinding {
    /// Pairs of pictures.
    pub of: u32,
    /// Mean of the subject.
    pub subject: Real,
    /// Mean of the original.
    pub original: Real,
    /// How far it fell.
    pub fall: Difference,
}

/// How much of the concept a trained attack brought back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    /// The arm.
    pub arm: String,
    /// Arms of one series differ in steps only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// Training steps.
    pub steps: u64,
    /// The subject.
    pub subject: Role,
    /// (attacked - subject) / (original attacked - subject); absent where the denominator's
    /// interval touches zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Difference>,
}

/// The worst prompt of an arm, and what fresh seeds say about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorstPrompt {
    /// The arm.
    pub arm: String,
    /// The subject.
    pub subject: Role,
    /// The training run in which it was worst.
    pub run: u32,
    /// Its place in the arm's list.
    pub prompt: u32,
    /// Its text.
    pub text: String,
    /// Hits that made it the worst; a choice after the fact, so without bounds.
    pub hits: u32,
    /// Samples of it.
    pub of: u32,
    /// On fresh seeds; absent: it was not looked at again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fresh: Option<Rate>,
}
