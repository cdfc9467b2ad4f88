//! The recipe that changes a model for some other reason: the benign update.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Problem, Task, apart, check_seed, check_task};
use crate::document::Document;
use crate::{Result, training};

/// A recipe with `task = "update"`. Paths are relative to the folder of the recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateRecipe {
    /// Always 1.
    pub schema: u32,
    /// Always `update`.
    pub task: Task,
    /// Every random choice follows from it; below 2^53.
    #[serde(default)]
    pub seed: u64,
    /// Folder of the model that is updated.
    pub model: PathBuf,
    /// Folder of pictures with captions.
    pub data: PathBuf,
    /// Folder that will hold the updated model.
    pub out: PathBuf,
    /// Folder that will hold the adapter by itself, as diffusers reads it; only for `kind = "lora"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter: Option<PathBuf>,
    /// How it is trained: `kind` (`full` or `lora`), `steps`, `batch`, `learning_rate` and what else
    /// the training knows; checked where the training is.
    #[schemars(with = "std::collections::BTreeMap<String, serde_json::Value>")]
    pub train: toml::Table,
    /// The text this recipe was read from.
    #[serde(skip)]
    #[schemars(skip)]
    pub source: Document,
}

impl UpdateRecipe {
    /// Reads and checks a recipe file.
    pub fn read(file: &Path) -> Result<Self> {
        Self::parse(&Document::read(file)?)
    }

    /// Reads and checks a recipe.
    pub fn parse(document: &Document) -> Result<Self> {
        check_task(document, Task::Update)?;
        let recipe: Self = document.parse()?;
        recipe
            .check(document)
            .map_err(|(key, thing, remedy)| document.error(&key, thing, remedy))?;
        Ok(Self { source: document.clone(), ..recipe })
    }

    fn check(&self, document: &Document) -> Result<(), Problem> {
        check_seed(self.seed)?;
        apart::check_written(document, &self.out, self.adapter.as_deref(), &self.model)?;
        training::check_further(&self.train, "train")
    }
}
