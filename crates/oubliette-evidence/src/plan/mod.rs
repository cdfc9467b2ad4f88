//! Plans: recipes with every default, seed, digest and order filled in.

mod arm;
mod audit;
mod change;
mod draw;
mod frechet;
pub mod group;
mod limits;

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use arm::{Arm, ArmKind, Cell, Role, Stage, Standing};
pub use audit::{AuditPlan, Calibration, Detector, Layout, PlannedSampling, Scorer, Subject};
pub use change::{Model, UnlearnPlan, UpdatePlan};
pub(crate) use draw::hash;
pub use draw::{Draw, training_seed};
pub use frechet::PlannedFrechet;

use crate::{Digest, Error, Result, canonical, training};

/// A plan of any task: the content of `plan.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "task", rename_all = "lowercase")]
pub enum Plan {
    /// Make a model forget.
    Unlearn(Box<UnlearnPlan>),
    /// Change a model for some other reason.
    Update(Box<UpdatePlan>),
    /// Look whether it stays forgotten.
    Audit(Box<AuditPlan>),
}

/// A recipe by name and content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Name of the file as it was given, for "how to run this again".
    pub name: String,
    /// Digest of its bytes.
    pub digest: Digest,
}

impl Plan {
    /// The text of `plan.json`: canonical JSON and a line end.
    pub fn to_text(&self) -> Result<String> {
        Ok(canonical::to_text(self)? + "\n")
    }

    /// The digest of the canonical JSON (without the line end). It names the run.
    pub fn digest(&self) -> Result<Digest> {
        Digest::of_value(self)
    }

    /// Reads and checks the text of a `plan.json`.
    pub fn from_text(file: &Path, text: &str) -> Result<Self> {
        let plan: Self = canonical::from_text(file, text)?;
        plan.check().map_err(|e| Error::file(file, e.to_string(), "make the plan again"))?;
        Ok(plan)
    }

    /// Refuses a plan that contradicts itself.
    pub fn check(&self) -> Result<()> {
        let schema = match self {
            Self::Unlearn(plan) => plan.schema,
            Self::Update(plan) => plan.schema,
            Self::Audit(plan) => plan.schema,
        };
        if schema != 1 {
            return Err(Error::value(format!("schema {schema}"), "this tool reads schema 1"));
        }
        match self {
            Self::Audit(plan) => plan.check(),
            Self::Update(plan) => training::check_planned(&plan.train).map_err(|(_, thing, _)| {
                Error::value(format!("`train`: {thing}"), "make the plan again")
            }),
            Self::Unlearn(_) => Ok(()),
        }
    }
}
