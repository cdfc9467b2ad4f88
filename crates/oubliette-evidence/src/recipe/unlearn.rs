//! The recipe that makes a model forget.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Problem, Task, check_head};
use crate::document::Document;
use crate::{Result, settings::Named};

/// A recipe with `task = "unlearn"`. Paths are relative to the folder of the recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnlearnRecipe {
    /// Always 1.
    pub schema: u32,
    /// Always `unlearn`.
    pub task: Task,
    /// Every random choice follows from it; below 2^53.
    #[serde(default)]
    pub seed: u64,
    /// Folder of the model that is to forget.
    pub model: PathBuf,
    /// The concept's file.
    pub concept: PathBuf,
    /// Folder that will hold the model that has forgotten.
    pub out: PathBuf,
    /// The method, with its settings.
    pub method: Named,
    /// The text this recipe was read from.
    #[serde(skip)]
    #[schemars(skip)]
    pub source: Document,
}

impl UnlearnRecipe {
    /// Reads and checks a recipe file.
    pub fn read(file: &Path) -> Result<Self> {
        Self::parse(&Document::read(file)?)
    }

    /// Reads and checks a recipe.
    pub fn parse(document: &Document) -> Result<Self> {
        let recipe: Self = document.parse()?;
        recipe.check().map_err(|(key, thing, remedy)| document.error(&key, thing, remedy))?;
        Ok(Self { source: document.clone(), ..recipe })
    }

    fn check(&self) -> Result<(), Problem> {
        check_head(self.task, Task::Unlearn, self.seed)?;
        match self.out == self.model {
            true => Err(("out".into(), "`out` is `model`".into(), "write to another folder")),
            false => Ok(()),
        }
    }
}
