//! The recipe that makes a model forget.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Problem, Task, apart, check_seed, check_task, words};
use crate::document::Document;
use crate::{Concept, Result, settings::Named, several::Several, training};

/// How several concepts are forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The method is given all of them at once.
    #[default]
    Together,
    /// The method runs for one after the other, each time from where the one before has left the model.
    InTurn,
    /// The method runs for each by itself, each time from the original, and what they change is merged at the end (TIES).
    Merged,
}

impl Order {
    /// Whether all are forgotten at once.
    pub fn is_together(&self) -> bool {
        *self == Self::Together
    }
}

/// How changes that were made apart are merged: TIES (arXiv 2306.01708), with the values of arXiv 2511.07970.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Merge {
    /// The share of every tensor's changes, largest first, that each concept keeps.
    pub share: f64,
    /// What the merged change is multiplied with.
    pub scale: f64,
}

impl Default for Merge {
    fn default() -> Self {
        Self { share: 0.2, scale: 1.75 }
    }
}

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
    /// The concept's file, or a list of them.
    pub concept: Several<PathBuf>,
    /// With several concepts: at once, or one after another.
    #[serde(default, skip_serializing_if = "Order::is_together")]
    pub order: Order,
    /// With `order = "merged"`: how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<Merge>,
    /// Folder that will hold the model that has forgotten.
    pub out: PathBuf,
    /// Folder that will hold the adapter by itself, as diffusers reads it; only where the method trains one (`lora` in `[method.parts]`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter: Option<PathBuf>,
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
        check_task(document, Task::Unlearn)?;
        let recipe: Self = document.parse()?;
        recipe
            .check(document)
            .map_err(|(key, thing, remedy)| document.error(&key, thing, remedy))?;
        Ok(Self { source: document.clone(), ..recipe })
    }

    /// Refuses words in braces that nothing takes the place of, beside those that every method has and the `own` of this one.
    ///
    /// # Errors
    /// The first such word.
    pub fn check_braces(&self, own: &[&str]) -> Result<()> {
        words::known("method", &self.method.settings, own)
            .map_err(|(key, thing, remedy)| self.source.error(&key, thing, remedy))
    }

    /// The method's settings for these concepts, whose words stand where texts say `{id}`, `{superclass}` and `{neighbour}`.
    ///
    /// # Errors
    /// When a concept has no such word, or a text is another for every concept.
    pub fn settings(&self, concepts: &[Concept]) -> Result<toml::Table> {
        let concepts: Vec<&Concept> = concepts.iter().collect();
        words::put("method", &self.method.settings, &concepts, words::Own::Stays)
            .map_err(|(key, thing, remedy)| self.source.error(&key, thing, remedy))
    }

    fn check(&self, document: &Document) -> Result<(), Problem> {
        check_seed(self.seed)?;
        apart::check_written(document, &self.out, self.adapter.as_deref(), &self.model)?;
        training::check_method(&self.method.settings, "method")?;
        if self.concept.all().is_empty() {
            return Err(("concept".into(), "no concept is named".into(), "name one file at least"));
        }
        if let Some(merge) = self.merge {
            let shares = merge.share > 0.0 && merge.share <= 1.0 && merge.scale.is_finite();
            match (self.order, shares) {
                (Order::Merged, true) => {}
                (Order::Merged, false) => {
                    let thing = format!("share {} and scale {}", merge.share, merge.scale);
                    return Err(("merge".into(), thing, "choose a share above 0 and at most 1"));
                }
                _ => {
                    let remedy = "write `order = \"merged\"`, or remove the table";
                    return Err(("merge".into(), "nothing is merged".into(), remedy));
                }
            }
        }
        Ok(())
    }
}
