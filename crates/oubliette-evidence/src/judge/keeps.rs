//! Findings of the keep arms: what was lost beside the concept.

use super::seen::{Seen, difference, runs};
use crate::event::Sampled;
use crate::plan::{Arm, ArmKind, Cell, Role, Stage};
use crate::stats::{self, Interval};
use crate::verdict::{AlignmentFinding, KeepFinding};
use crate::{Real, Result};

/// Every keep arm on every subject but the original, beside the original.
pub(super) fn findings(seen: &Seen<'_>) -> Result<Vec<KeepFinding>> {
    let arms = seen.plan.arms_of(ArmKind::Keep);
    arms.flat_map(|arm| arm.subjects.iter().map(move |subject| (arm, *subject)))
        .filter(|(arm, subject)| *subject != Role::Original || arm.after.is_some())
        .map(|(arm, subject)| finding(seen, arm, subject))
        .filter_map(Result::transpose)
        .collect()
}

/// The keep arm whose original is the measure: the arm itself, or the one that it names as baseline,
/// which has the same draws.
fn measure<'a>(seen: &Seen<'a>, arm: &'a Arm) -> &'a Arm {
    arm.baseline.as_ref().and_then(|id| seen.plan.arm(id)).unwrap_or(arm)
}

fn finding(seen: &Seen<'_>, arm: &Arm, subject: Role) -> Result<Option<KeepFinding>> {
    let pairs = pairs(seen, arm, subject);
    if pairs.is_empty() {
        return Ok(None);
    }
    let of = pairs.len() as u32;
    let count = |wanted: fn(bool, bool) -> bool| {
        pairs.iter().filter(|(was, is)| wanted(seen.hit(was), seen.hit(is))).count() as u32
    };
    let (lost, gained) = (count(|was, is| was && !is), count(|was, is| !was && is));
    let kept = seen.rate((count(|_, is| is), of))?;
    let original = seen.rate((count(|was, _| was), of))?;
    let destroyed = destroyed(seen, &pairs)?;
    Ok(Some(KeepFinding {
        arm: arm.id.clone(),
        group: arm.attack.clone(),
        after: arm.after.clone(),
        subject,
        lost,
        gained,
        loss: difference(stats::paired_loss(lost, gained, of, seen.levels.high))?,
        destroyed,
        kept,
        original,
        alignment: alignment(seen, &pairs)?,
    }))
}

/// Whether a training run left a model that keeps less than that part of what the original keeps: a ruined one must not hide behind others.
fn destroyed(seen: &Seen<'_>, pairs: &[(&Sampled, &Sampled)]) -> Result<bool> {
    let part = seen.plan.concept.claim.destroyed.get();
    for run in pairs.chunk_by(|(_, a), (_, b)| a.cell.run == b.cell.run) {
        let hits = |count: usize| (count as u32, run.len() as u32);
        let kept = seen.rate(hits(run.iter().filter(|(_, is)| seen.hit(is)).count()))?;
        let original = seen.rate(hits(run.iter().filter(|(was, _)| seen.hit(was)).count()))?;
        if kept.high.get() < part * original.low.get() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Samples of the original and of the subject on the same draws; of every run.
fn pairs<'a>(seen: &Seen<'a>, arm: &Arm, subject: Role) -> Vec<(&'a Sampled, &'a Sampled)> {
    let of = measure(seen, arm);
    let original = Cell { arm: of.id.clone(), subject: Role::Original, run: 0, stage: Stage::Main };
    let end = |arm: &Arm, cell: &Cell| {
        let have = seen.have(cell);
        arm.looks.iter().copied().take_while(|end| *end <= have).last().unwrap_or_default()
    };
    let originals = end(of, &original);
    let cells = runs(arm, subject);
    cells
        .iter()
        .flat_map(|cell| seen.evidence.samples_of(cell, end(arm, cell).min(originals)))
        .filter_map(|is| Some((seen.evidence.sample(&original, is.index)?, is)))
        .filter(|(was, is)| (was.prompt, was.seed) == (is.prompt, is.seed))
        .collect()
}

/// Alignment is the cosine with negative values cut off, as in CLIPScore (Hessel et al. 2021) without
/// its factor; the fall lies in -1 to 1 and is bounded without assuming a shape.
fn alignment(seen: &Seen<'_>, pairs: &[(&Sampled, &Sampled)]) -> Result<Option<AlignmentFinding>> {
    let cut = |sample: &Sampled| sample.alignment.map(|a| a.get().max(0.0));
    let values: Vec<(f64, f64)> =
        pairs.iter().filter_map(|(was, is)| Some((cut(was)?, cut(is)?))).collect();
    if values.is_empty() {
        return Ok(None);
    }
    let falls: Vec<f64> = values.iter().map(|(was, is)| 0.5 * (1.0 + was - is)).collect();
    let mean =
        |side: fn(&(f64, f64)) -> f64| values.iter().map(side).sum::<f64>() / values.len() as f64;
    let (original, subject) = (mean(|(was, _)| *was), mean(|(_, is)| *is));
    let fall = Interval {
        value: original - subject,
        low: 2.0 * stats::mean_lower(&falls, seen.levels.high) - 1.0,
        high: 2.0 * stats::mean_upper(&falls, seen.levels.high) - 1.0,
    };
    Ok(Some(AlignmentFinding {
        of: values.len() as u32,
        subject: Real::new(subject)?,
        original: Real::new(original)?,
        fall: difference(fall)?,
    }))
}
