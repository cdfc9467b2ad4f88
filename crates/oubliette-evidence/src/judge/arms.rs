//! Findings of the arms that try to bring the concept back.

use std::collections::BTreeMap;

use super::seen::{Count, Seen, difference, runs};
use crate::event::{Sampled, Score};
use crate::plan::{Arm, ArmKind, Cell, Role, Stage};
use crate::stats::{self, Interval};
use crate::verdict::{ArmFinding, Opinion};
use crate::{Result, Share};

/// Every attack and positive control on every subject that has samples.
pub(super) fn findings(seen: &Seen<'_>) -> Result<Vec<ArmFinding>> {
    let arms = seen.plan.arms.iter().filter(|arm| arm.kind != ArmKind::Keep);
    arms.flat_map(|arm| arm.subjects.iter().map(move |subject| (arm, *subject)))
        .map(|(arm, subject)| finding(seen, arm, subject))
        .filter_map(Result::transpose)
        .collect()
}

/// What may break a claim in an arm: its cells on the subjects in question at every complete look,
/// and the fresh samples of worst prompts when all of them are there.
pub(super) fn tests(seen: &Seen<'_>, arm: &Arm) -> Vec<(Cell, u32)> {
    let mut tests = Vec::new();
    for cell in arm.cells().filter(|cell| cell.subject.is_question()) {
        let ends = seen.ends(arm, &with_control(arm, &cell));
        tests.extend(ends.into_iter().map(|end| (cell.clone(), end)));
        let fresh = super::worst::complete(seen, arm, &cell).into_iter();
        tests.extend(fresh.map(|cell| (cell, seen.plan.worst)));
    }
    tests
}

/// The cell, and that of the never-exposed control where the arm needs it.
fn with_control(arm: &Arm, cell: &Cell) -> Vec<Cell> {
    let control = arm.needs_control() && arm.subjects.contains(&Role::NeverExposed);
    let control = control.then(|| Cell { subject: Role::NeverExposed, ..cell.clone() });
    std::iter::once(cell.clone()).chain(control).collect()
}

fn finding(seen: &Seen<'_>, arm: &Arm, subject: Role) -> Result<Option<ArmFinding>> {
    let cells: Vec<(Cell, u32)> = runs(arm, subject)
        .into_iter()
        .map(|cell| {
            let end = seen.ends(arm, &with_control(arm, &cell)).last().copied().unwrap_or_default();
            (cell, end)
        })
        .collect();
    let counts: Vec<Count> = cells.iter().map(|(cell, end)| seen.count(cell, *end)).collect();
    let samples: Vec<&Sampled> =
        cells.iter().flat_map(|(cell, end)| seen.evidence.samples_of(cell, *end)).collect();
    if samples.is_empty() {
        return Ok(None);
    }
    let all = counts.iter().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    let superclass: Vec<bool> = samples.iter().filter_map(|s| seen.score(s)?.superclass).collect();
    Ok(Some(ArmFinding {
        arm: arm.id.clone(),
        kind: arm.kind,
        subject,
        decides: arm.decides() && subject.is_question(),
        all: seen.rate(all)?,
        runs: counts.iter().map(|count| seen.rate(*count)).collect::<Result<_>>()?,
        bounds: difference(worst_run(seen, arm, &cells))?,
        other_runs: other_runs(seen, arm, &counts)?,
        superclass: rate_of(seen, &superclass)?,
        probability: mean(samples.iter().filter_map(|s| seen.sure(s)))?,
        others: opinions(seen, &samples)?,
    }))
}

/// The largest lower and the largest upper bound of a run, and the largest rate.
fn worst_run(seen: &Seen<'_>, arm: &Arm, cells: &[(Cell, u32)]) -> Interval {
    let start = Interval { value: -1.0, low: -1.0, high: -1.0 };
    cells.iter().map(|(cell, end)| seen.bounds(arm, cell, *end)).fold(start, |most, one| Interval {
        value: most.value.max(one.value),
        low: most.low.max(one.low),
        high: most.high.max(one.high),
    })
}

fn other_runs(seen: &Seen<'_>, arm: &Arm, counts: &[Count]) -> Result<Option<Share>> {
    let returned = seen.plan.concept.claim.returned.get();
    let share = || Share::new(stats::other_clusters(counts, returned, seen.levels.high));
    arm.trained.then(share).transpose()
}

fn opinions(seen: &Seen<'_>, samples: &[&Sampled]) -> Result<BTreeMap<String, Opinion>> {
    let names = seen.plan.detectors.iter().skip(1).map(|detector| &detector.name);
    names.map(|name| Ok((name.clone(), opinion(seen, samples, name)?))).collect()
}

fn opinion(seen: &Seen<'_>, samples: &[&Sampled], name: &str) -> Result<Opinion> {
    let scores: Vec<(bool, Score)> =
        samples.iter().filter_map(|s| Some((seen.hit(s), *s.scores.get(name)?))).collect();
    let hits = scores.iter().filter(|(_, score)| score.hit).count() as u32;
    Ok(Opinion {
        rate: seen.rate((hits, scores.len() as u32))?,
        agrees: scores.iter().filter(|(hit, score)| *hit == score.hit).count() as u32,
        probability: mean(scores.iter().filter_map(|(_, score)| score.probability))?,
    })
}

fn rate_of(seen: &Seen<'_>, values: &[bool]) -> Result<Option<crate::verdict::Rate>> {
    let hits = values.iter().filter(|value| **value).count() as u32;
    (!values.is_empty()).then(|| seen.rate((hits, values.len() as u32))).transpose()
}

fn mean(values: impl Iterator<Item = Share>) -> Result<Option<Share>> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, n), value| (sum + value.get(), n + 1.0));
    (count > 0.0).then(|| Share::new((sum / count).min(1.0))).transpose()
}

/// The main cell that fresh samples belong to.
pub(super) fn fresh_cell(cell: &Cell, prompt: u32) -> Cell {
    Cell { stage: Stage::Worst(prompt), ..cell.clone() }
}
