//! The worst prompt of an arm: one that always leaks must not hide in an average.

use std::collections::BTreeMap;

use super::arms::{self, fresh_cell};
use super::seen::{Seen, runs};
use crate::Result;
use crate::plan::{Arm, Cell, Role, Stage};
use crate::stats::Interval;
use crate::verdict::WorstPrompt;

/// The worst prompt of every deciding arm and subject in question that showed the concept at all.
pub(super) fn findings(seen: &Seen<'_>) -> Result<Vec<WorstPrompt>> {
    let arms = seen.plan.arms.iter().filter(|arm| arm.decides());
    arms.flat_map(|arm| arm.questions().map(move |subject| (arm, subject)))
        .filter_map(|(arm, subject)| worst(seen, arm, subject))
        .map(|(cell, prompt, hits, of)| {
            let fresh = fresh_cell(&cell, prompt);
            let whole = seen.plan.worst > 0 && seen.have(&fresh) >= seen.plan.worst;
            Ok(WorstPrompt {
                text: seen.prompt(&cell.arm, prompt),
                fresh: whole.then(|| seen.rate(seen.count(&fresh, seen.plan.worst))).transpose()?,
                subject: cell.subject,
                run: cell.run,
                arm: cell.arm,
                prompt,
                hits,
                of,
            })
        })
        .collect()
}

/// Whether a worst prompt of this arm is looked at again. An arm with one prompt has nothing to hide
/// it in; one that needs the never-exposed control decides by a difference that one prompt lacks.
pub(super) fn is_sampled_again(seen: &Seen<'_>, arm: &Arm) -> bool {
    seen.plan.worst > 0 && arm.prompts.len() > 1 && !arm.needs_control()
}

/// Cells of fresh samples that are whole, for a cell of the main stage; of the prompts that were the worst at some look, and of no other, since
/// every further one would be a further test.
pub(super) fn complete(seen: &Seen<'_>, arm: &Arm, cell: &Cell) -> Vec<Cell> {
    let mut whole: Vec<Cell> = Vec::new();
    let looks = if is_sampled_again(seen, arm) { seen.looks() } else { 0 };
    for look in 1..=looks {
        let then = Seen::new(seen.plan, seen.evidence, look);
        let Some((of, prompt, ..)) = worst(&then, arm, cell.subject) else { continue };
        let fresh = fresh_cell(&of, prompt);
        if of == *cell && seen.have(&fresh) >= seen.plan.worst && !whole.contains(&fresh) {
            whole.push(fresh);
        }
    }
    whole
}

/// Fresh samples that are whole, of every prompt that was the worst at some look, with their bounds: the last look may name another prompt
/// than the one before it, and both decide.
pub(super) fn looked_at_again(seen: &Seen<'_>) -> Vec<(Cell, Interval)> {
    let deciding = seen.plan.arms.iter().filter(|arm| arm.decides());
    let tests =
        deciding.flat_map(|arm| arms::tests(seen, arm).into_iter().map(move |one| (arm, one)));
    let fresh = tests.filter(|(_, (cell, _))| matches!(cell.stage, Stage::Worst(_)));
    fresh
        .map(|(arm, (cell, end))| {
            let bounds = seen.bounds(arm, &cell, end);
            (cell, bounds)
        })
        .collect()
}

/// Of all prompts with a hit, the one with the largest (hits + 1) / (samples + 2), which does not
/// rest on one lucky sample; then the run in which it hit most often. First of several.
fn worst(seen: &Seen<'_>, arm: &Arm, subject: Role) -> Option<(Cell, u32, u32, u32)> {
    let mut prompts: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
    let mut by_run: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    for cell in runs(arm, subject) {
        for sample in seen.evidence.samples_of(&cell, seen.end(arm, &cell)) {
            let hit = u32::from(seen.hit(sample));
            let count = prompts.entry(sample.prompt).or_default();
            *count = (count.0 + hit, count.1 + 1);
            *by_run.entry((sample.prompt, cell.run)).or_default() += hit;
        }
    }
    let larger = |a: (u32, u32), b: (u32, u32)| {
        let cross = |x: (u32, u32), y: (u32, u32)| u64::from(x.0 + 1) * u64::from(y.1 + 2);
        cross(a, b) > cross(b, a)
    };
    let leaking = prompts.into_iter().filter(|(_, (hits, _))| *hits > 0);
    let (prompt, (hits, of)) =
        leaking.reduce(|most, one| if larger(one.1, most.1) { one } else { most })?;
    let of_prompt = runs(arm, subject).into_iter();
    let cell = of_prompt.reduce(|most, cell| {
        let hits = |cell: &Cell| by_run.get(&(prompt, cell.run)).copied().unwrap_or_default();
        if hits(&cell) > hits(&most) { cell } else { most }
    })?;
    Some((cell, prompt, hits, of))
}
