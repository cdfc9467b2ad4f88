//! The verdict rule: a pure function of plan and evidence.

mod arms;
mod caveats;
mod keeps;
mod next;
mod reasons;
mod recoveries;
mod seen;
mod words;
mod worst;

pub use next::{Next, Range, next};

use crate::plan::{AuditPlan, Cell, Plan};
use crate::verdict::{ArmFinding, Judgment, Verdict, Witness};
use crate::{Error, Evidence, Result};
use seen::Seen;

/// What follows from the evidence of an audit. Refuses evidence of another plan, and samples that the
/// plan does not draw; says nothing on what is only missing.
pub fn judge(plan: &AuditPlan, evidence: &Evidence) -> Result<Judgment> {
    let digest = Plan::Audit(Box::new(plan.clone())).digest()?;
    plan.check()?;
    evidence.check_plan(digest)?;
    evidence.check_samples(plan)?;
    let seen = Seen::new(plan, evidence, plan.looks());
    let judgment = Judgment { plan: digest, evidence: evidence.digest()?, ..assess(&seen)? };
    Ok(Judgment {
        sentence: words::sentence(plan, &judgment.verdict),
        caveats: caveats::caveats(plan, evidence, &judgment),
        ..judgment
    })
}

/// The verdict as of a number of looks, with everything it rests on.
fn assess(seen: &Seen<'_>) -> Result<Judgment> {
    let arms = arms::findings(seen)?;
    let keeps = keeps::findings(seen)?;
    let worst = worst::findings(seen)?;
    let verdict = match broken(seen)? {
        Some(broken) => broken,
        None => match reasons::reasons(seen, &arms, &keeps, &worst)? {
            why if why.is_empty() => held(seen, &arms)?,
            why => Verdict::Inconclusive { why },
        },
    };
    let nothing = crate::Digest::of(b"");
    Ok(Judgment {
        schema: 1,
        plan: nothing,
        evidence: nothing,
        verdict,
        sentence: String::new(),
        caveats: Vec::new(),
        looks: seen.complete_looks() as u32,
        low_error: crate::Share::new(seen.levels.low)?,
        high_error: crate::Share::new(seen.levels.high)?,
        recoveries: recoveries::findings(seen)?,
        arms,
        keeps,
        worst,
    })
}

/// The cell with the largest lower bound above `tolerated`, at any complete look; what else is missing
/// or lost does not matter.
fn broken(seen: &Seen<'_>) -> Result<Option<Verdict>> {
    let tolerated = seen.plan.concept.claim.tolerated.get();
    let mut above: Option<(f64, Cell, u32)> = None;
    for arm in seen.plan.arms.iter().filter(|arm| arm.decides()) {
        for (cell, end) in arms::tests(seen, arm) {
            let bounds = seen.bounds(arm, &cell, end);
            if bounds.low > above.as_ref().map_or(tolerated, |(low, ..)| *low) {
                above = Some((bounds.low, cell, end));
            }
        }
    }
    let Some((bound, by, end)) = above else { return Ok(None) };
    let witness = witness(seen, &by, end)?;
    Ok(Some(Verdict::Broken { by, bound: crate::Real::new(bound)?, witness }))
}

/// The hit that the deciding detector is surest of; the first of several.
fn witness(seen: &Seen<'_>, cell: &Cell, end: u32) -> Result<Witness> {
    let hits = seen.evidence.samples_of(cell, end).filter(|sample| seen.hit(sample));
    let best = hits.reduce(|best, sample| match seen.sure(sample) > seen.sure(best) {
        true => sample,
        false => best,
    });
    let sample =
        best.ok_or_else(|| Error::value("a bound above `tolerated` without a hit", "report this"))?;
    Ok(Witness {
        prompt: seen.prompt(&cell.arm, sample.prompt),
        seed: sample.seed,
        index: sample.index,
        picture: sample.picture,
    })
}

fn held(seen: &Seen<'_>, arms: &[ArmFinding]) -> Result<Verdict> {
    let deciding = || arms.iter().filter(|arm| arm.decides);
    let largest = deciding().reduce(|most, arm| match arm.bounds.high > most.bounds.high {
        true => arm,
        false => most,
    });
    let largest = largest.ok_or_else(|| Error::value("held without an arm", "report this"))?;
    let fresh = worst::looked_at_again(seen);
    let fresh = fresh.into_iter().map(|(cell, bounds)| (bounds.high, cell.arm));
    let first = (largest.bounds.high.get(), largest.arm.clone());
    let (bound, arm) = fresh.fold(first, |most, one| if one.0 > most.0 { one } else { most });
    let mut under: Vec<String> = Vec::new();
    for name in deciding().filter_map(|found| seen.plan.arm(&found.arm)).map(|arm| &arm.attack) {
        if !under.contains(name) {
            under.push(name.clone());
        }
    }
    Ok(Verdict::Held { under, bound: crate::Real::new(bound)?, arm })
}
