//! Findings of recovery: how far back each trained attack brought the concept.

use super::seen::{Seen, difference, runs};
use crate::Result;
use crate::plan::{Arm, ArmKind, Role};
use crate::stats::{self, Interval};
use crate::verdict::Recovery;

/// Every trained attack that has a baseline, on every subject in question.
pub(super) fn findings(seen: &Seen<'_>) -> Result<Vec<Recovery>> {
    let arms = seen.plan.arms_of(ArmKind::Attack).filter(|arm| arm.trained);
    arms.flat_map(|arm| arm.questions().map(move |subject| (arm, subject)))
        .filter_map(|(arm, subject)| finding(seen, arm, subject).transpose())
        .collect()
}

fn finding(seen: &Seen<'_>, arm: &Arm, subject: Role) -> Result<Option<Recovery>> {
    let (Some(steps), Some(baseline)) =
        (arm.steps, arm.baseline.as_ref().and_then(|id| seen.plan.arm(id)))
    else {
        return Ok(None);
    };
    let rates = (rate(seen, arm, subject), rate(seen, baseline, subject));
    let (Some(attacked), Some(unlearned)) = rates else { return Ok(None) };
    let original = rate(seen, arm, Role::Original);
    let found = original.and_then(|original| stats::recovery(attacked, unlearned, original));
    Ok(Some(Recovery {
        arm: arm.id.clone(),
        series: arm.series.clone(),
        steps,
        subject,
        recovery: found.map(difference).transpose()?,
    }))
}

/// The mean rate of all runs, with the widest bounds of any of them.
fn rate(seen: &Seen<'_>, arm: &Arm, subject: Role) -> Option<Interval> {
    let cells = runs(arm, subject);
    let counts: Vec<_> = cells.iter().map(|cell| seen.count(cell, seen.end(arm, cell))).collect();
    if counts.is_empty() || counts.iter().any(|(_, of)| *of == 0) {
        return None;
    }
    let rates: Vec<Interval> = counts.iter().map(|count| seen.interval(*count)).collect();
    Some(Interval {
        value: rates.iter().map(|rate| rate.value).sum::<f64>() / rates.len() as f64,
        low: rates.iter().map(|rate| rate.low).fold(1.0, f64::min),
        high: rates.iter().map(|rate| rate.high).fold(0.0, f64::max),
    })
}
