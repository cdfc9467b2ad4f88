//! Plans that change a model: to forget, or for some other reason.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Source;
use crate::recipe::{Merge, Order};
use crate::settings::Settings;
use crate::several::Several;
use crate::{Concept, Digest};

/// A model folder by name and content; where it lies is no part of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The folder's name.
    pub name: String,
    /// The folder's digest.
    pub digest: Digest,
}

/// A plan to make a model forget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnlearnPlan {
    /// Always 1.
    pub schema: u32,
    /// The recipe it was made from.
    pub recipe: Source,
    /// Every random choice follows from it.
    pub seed: u64,
    /// The model that is to forget.
    pub model: Model,
    /// The concept, whole, or a list of them.
    pub concept: Several<Concept>,
    /// With several concepts: at once, or one after another.
    #[serde(default, skip_serializing_if = "Order::is_together")]
    pub order: Order,
    /// How changes that were made apart are merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<Merge>,
    /// The concepts' prompts, filled in.
    pub prompts: Vec<crate::Prompt>,
    /// Name of the method.
    pub method: String,
    /// Every setting of the method, defaults included.
    pub settings: Settings,
    /// The stages the method consists of, in order, with all of their settings.
    pub stages: Vec<Settings>,
    /// Digests of other inputs (picture folders, adapters) by what they are for.
    #[serde(default)]
    pub inputs: std::collections::BTreeMap<String, Digest>,
}

impl UnlearnPlan {
    /// Training steps of all stages together.
    pub fn steps(&self) -> u64 {
        self.stages.iter().filter_map(|stage| stage.get("steps")?.as_u64()).sum()
    }
}

/// A plan to change a model for some other reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdatePlan {
    /// Always 1.
    pub schema: u32,
    /// The recipe it was made from.
    pub recipe: Source,
    /// Every random choice follows from it.
    pub seed: u64,
    /// The model that is updated.
    pub model: Model,
    /// The pictures and captions it is trained on.
    pub data: Model,
    /// Every setting of the training, defaults included.
    pub train: Settings,
}
