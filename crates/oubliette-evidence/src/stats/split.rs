//! How the claim's error rates are split, so that many looks at many arms do not add up.

use crate::plan::AuditPlan;

/// Error rates of single bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Levels {
    /// Of each lower bound, which can break a claim: any one false alarm is one too many, so the
    /// false-alarm rate is divided by the number of tests (Bonferroni).
    pub low: f64,
    /// Of each upper bound, which can hold a claim: all arms must pass, so a missed return in the
    /// worst of them is one error only (Berger 1982), and the rate is divided by looks alone.
    pub high: f64,
}

/// The error rates of a plan. A test is a deciding arm on a subject that the verdict is about, in a
/// training run, at a look; its worst prompt, when it is looked at again, is one more.
pub fn levels(plan: &AuditPlan) -> Levels {
    let looks = plan.looks().max(1) as f64;
    let tests: u32 = plan
        .arms
        .iter()
        .filter(|arm| arm.decides())
        .map(|arm| arm.questions().count() as u32 * (arm.runs + u32::from(plan.worst > 0)))
        .sum();
    let claim = &plan.concept.claim;
    Levels {
        low: claim.false_alarm.get() / (looks * f64::from(tests.max(1))),
        high: claim.missed_return.get() / looks,
    }
}
