//! How large the plan of an audit may be: whoever checks the run of a stranger has to come to an end.

use super::{Arm, AuditPlan};
use crate::{Error, Result};

/// Most arms.
const MOST_ARMS: u64 = 1_000;
/// Most detectors.
const MOST_DETECTORS: u64 = 100;
/// Most prompts, of all arms together.
const MOST_PROMPTS: u64 = 1_000_000;
/// Most cells of the main stage, each counted at every look.
const MOST_CELLS: u64 = 10_000;
/// Most samples of these cells; no event file that is read could hold more.
const MOST_SAMPLES: u64 = 10_000_000;

impl AuditPlan {
    /// Refuses a plan that is larger than anybody could carry out; the other checks may then take as long as they need.
    pub(super) fn check_size(&self) -> Result<()> {
        let total = |of: fn(&Arm) -> u64| self.arms.iter().map(of).fold(0, u64::saturating_add);
        for (what, many, most) in [
            ("arms", self.arms.len() as u64, MOST_ARMS),
            ("detectors", self.detectors.len() as u64, MOST_DETECTORS),
            ("prompts in all arms", total(|arm| arm.prompts.len() as u64), MOST_PROMPTS),
            ("cells over all looks", total(looked_at), MOST_CELLS),
            ("samples", total(samples), MOST_SAMPLES),
        ] {
            if many > most {
                let thing = format!("{many} {what}, which is more than {most}");
                return Err(Error::value(thing, "split the audit into several"));
            }
        }
        Ok(())
    }
}

fn cells(arm: &Arm) -> u64 {
    (arm.subjects.len() as u64).saturating_mul(arm.runs.into())
}

fn looked_at(arm: &Arm) -> u64 {
    cells(arm).saturating_mul(arm.looks.len() as u64)
}

fn samples(arm: &Arm) -> u64 {
    cells(arm).saturating_mul(arm.looks.last().copied().unwrap_or_default().into())
}
