//! Arms: one attack with one setting, on some subjects, with some prompts.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Prompt;
use crate::settings::Settings;

/// What a subject is to the audit.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Before forgetting.
    Original,
    /// After forgetting: the question.
    Unlearned,
    /// After forgetting and a later update: the question asked again.
    Updated,
    /// A twin that never saw the concept.
    NeverExposed,
}

impl Role {
    /// Whether the verdict is about this subject.
    pub fn is_question(self) -> bool {
        matches!(self, Self::Unlearned | Self::Updated)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Original => "original",
            Self::Unlearned => "unlearned",
            Self::Updated => "updated",
            Self::NeverExposed => "never exposed",
        })
    }
}

/// What an arm is for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ArmKind {
    /// Tries to bring the concept back.
    Attack,
    /// Looks whether other concepts survived; a hit is the prompt's own label.
    Keep,
    /// Fine-tuning on the concept itself, which should bring it back.
    Positive,
}

/// Whether an arm can decide.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The verdict rests on it.
    Deciding,
    /// Reported only.
    Exploratory,
}

/// One attack with one setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// Unique in the plan, e.g. `finetune/full-1e-4-near@200`.
    pub id: String,
    /// What it is for.
    pub kind: ArmKind,
    /// Name of the attack; for keep arms the group (`neighbours`, `superclass`, `unrelated`; `other`, `forgotten` for other concepts).
    pub attack: String,
    /// Every setting of the attack, defaults included.
    #[serde(default)]
    pub settings: Settings,
    /// Whether it can decide.
    pub standing: Standing,
    /// It shows the model the concept, so it decides against the never-exposed control only.
    pub carries_concept: bool,
    /// It keeps the best of many, so it decides against the never-exposed control only.
    pub best_of: bool,
    /// It trains the subject first; each run is a cluster.
    pub trained: bool,
    /// Training runs over different training seeds; 1 for what is not trained.
    pub runs: u32,
    /// Arms of one series differ in `steps` only and share their training runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// Training steps of a trained arm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// The arm with the same prompts and no training: recovery is counted from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// A keep arm that looks at the models which that trained arm made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// A keep arm that asks for another concept, in that one's own words: its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concept: Option<String>,
    /// Arms with the same stream and the same prompts share their draws: same prompts, same seeds.
    pub stream: String,
    /// Drawn from with replacement.
    pub prompts: Vec<Prompt>,
    /// The subjects it is run on.
    pub subjects: Vec<Role>,
    /// Cumulative samples at each look, for each subject and run.
    pub looks: Vec<u32>,
}

impl Arm {
    /// Whether it decides only against the never-exposed control.
    pub fn needs_control(&self) -> bool {
        self.carries_concept || self.best_of
    }

    /// Whether the verdict may rest on it: deciding, and with the control that it needs.
    pub fn decides(&self) -> bool {
        self.kind == ArmKind::Attack
            && self.standing == Standing::Deciding
            && (!self.needs_control() || self.subjects.contains(&Role::NeverExposed))
    }

    /// The subjects it is run on that the verdict is about.
    pub fn questions(&self) -> impl Iterator<Item = Role> + '_ {
        self.subjects.iter().copied().filter(|role| role.is_question())
    }

    /// Its cells of the first stage, subject by subject and run by run.
    pub fn cells(&self) -> impl Iterator<Item = Cell> + '_ {
        self.subjects.iter().flat_map(move |&subject| {
            (0..self.runs).map(move |run| Cell {
                arm: self.id.clone(),
                subject,
                run,
                stage: Stage::Main,
            })
        })
    }
}

/// One arm on one subject in one training run: the unit that samples are counted in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The arm's id.
    pub arm: String,
    /// The subject.
    pub subject: Role,
    /// The training run, from 0; 0 for what is not trained.
    pub run: u32,
    /// What its draws are for.
    pub stage: Stage,
}

/// What draws are for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Prompts drawn from the list.
    Main,
    /// One prompt, the worst of the main stage by its place in the list, on fresh seeds.
    Worst(u32),
}
