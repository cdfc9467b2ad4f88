//! What the Fréchet distance of an audit is taken of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ArmKind, AuditPlan, Cell, Model, Role, Scorer, Stage, Standing};
use crate::Evidence;

/// How the Fréchet distance is measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedFrechet {
    /// The model whose features are compared.
    pub features: Scorer,
    /// Numbers in a picture's features.
    pub width: u32,
    /// Fewest pictures of a set; with fewer nothing is measured.
    pub least: u32,
    /// Real pictures, by the folder's name and their contents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Model>,
}

impl PlannedFrechet {
    /// The draws whose pictures are compared: those of the deciding keep arms, by arm and index, that were looked at on every
    /// subject which those arms are run on.
    pub fn draws<'a>(plan: &'a AuditPlan, evidence: &Evidence) -> Vec<(&'a str, u32)> {
        let arms = plan.arms_of(ArmKind::Keep);
        let arms = arms.filter(|arm| arm.after.is_none() && arm.standing == Standing::Deciding);
        arms.flat_map(|arm| {
            let seen = |index: &u32| {
                let cell = |&role| Self::cell(&arm.id, role);
                arm.subjects.iter().all(|role| evidence.sample(&cell(role), *index).is_some())
            };
            let most = arm.looks.last().copied().unwrap_or_default();
            (0..most).filter(seen).map(|index| (arm.id.as_str(), index)).collect::<Vec<_>>()
        })
        .collect()
    }

    /// Where the draws of a keep arm stand in the evidence.
    pub fn cell(arm: &str, subject: Role) -> Cell {
        Cell { arm: arm.to_owned(), subject, run: 0, stage: Stage::Main }
    }
}
