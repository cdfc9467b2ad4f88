//! What was said: the user's TOML files, checked for shape, before anything is looked up.

mod apart;
mod audit;
mod compare;
mod tune;
mod unlearn;
mod update;
mod words;

use std::fmt;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use audit::{
    Alignment, AuditRecipe, Controls, Frechet, Keep, Looks, Positive, Report, Samples, Sampling,
    Subjects,
};
pub use compare::{CompareRecipe, Compared, ComparedCell, Hypothesis, Measure, Trend, Twin};
pub use tune::{Candidate, Rule, TuneRecipe};
pub use unlearn::{Merge, Order, UnlearnRecipe};
pub use update::UpdateRecipe;

use crate::document::Document;
use crate::{Result, prompt::MAX_SEED};

/// What a recipe asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Make a model forget.
    Unlearn,
    /// Change a model for some other reason: the benign update.
    Update,
    /// Look whether it stays forgotten.
    Audit,
    /// Unlearn and audit many concepts with many methods.
    Compare,
    /// Choose a method's settings on concepts that are not reported.
    Tune,
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unlearn => "unlearn",
            Self::Update => "update",
            Self::Audit => "audit",
            Self::Compare => "compare",
            Self::Tune => "tune",
        })
    }
}

/// Key, thing, remedy: a refusal before it knows its file.
pub(crate) type Problem = (String, String, &'static str);

/// A recipe of any task.
#[derive(Debug, Clone, PartialEq)]
pub enum Recipe {
    /// `task = "unlearn"`
    Unlearn(UnlearnRecipe),
    /// `task = "update"`
    Update(UpdateRecipe),
    /// `task = "audit"`
    Audit(Box<AuditRecipe>),
    /// `task = "compare"`
    Compare(Box<CompareRecipe>),
    /// `task = "tune"`
    Tune(Box<TuneRecipe>),
}

impl Recipe {
    /// Reads a recipe file, whatever its task.
    pub fn read(file: &Path) -> Result<Self> {
        Self::parse(&Document::read(file)?)
    }

    /// The task that a document names; nothing where it names none that is known.
    pub fn task_of(document: &Document) -> Option<Task> {
        let table: toml::Table = document.piece().ok()?;
        table.get("task")?.clone().try_into().ok()
    }

    /// Reads a recipe from a document, whatever its task.
    pub fn parse(document: &Document) -> Result<Self> {
        let _: toml::Table = document.parse()?;
        match Self::task_of(document) {
            Some(Task::Unlearn) => UnlearnRecipe::parse(document).map(Self::Unlearn),
            Some(Task::Update) => UpdateRecipe::parse(document).map(Self::Update),
            Some(Task::Audit) => AuditRecipe::parse(document).map(|r| Self::Audit(Box::new(r))),
            Some(Task::Compare) => {
                CompareRecipe::parse(document).map(|r| Self::Compare(Box::new(r)))
            }
            Some(Task::Tune) => TuneRecipe::parse(document).map(|r| Self::Tune(Box::new(r))),
            None => {
                let remedy = "write `task = \"unlearn\"`, `\"update\"`, `\"audit\"`, `\"compare\"` or `\"tune\"`";
                Err(document.error("task", "this file says no task", remedy))
            }
        }
    }
}

/// Refuses another task's file before any of its keys is looked at: what they are called says nothing to whoever chose the wrong command.
fn check_task(document: &Document, wanted: Task) -> Result<()> {
    match Recipe::task_of(document).filter(|found| *found != wanted) {
        None => Ok(()),
        Some(found) => {
            let thing = format!("this is a recipe to {found}, not to {wanted}");
            Err(document.error("task", thing, format!("run `oubliette {found}` with it")))
        }
    }
}

/// Refuses a seed that some reader could not hold.
fn check_seed(seed: u64) -> Result<(), Problem> {
    match seed <= MAX_SEED {
        true => Ok(()),
        false => Err(("seed".into(), format!("seed {seed}"), "choose a seed below 2^53")),
    }
}
