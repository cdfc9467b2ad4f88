//! What to sample next: a pure function of plan and evidence, so that rounds can be sharded, resumed,
//! derived again and checked by a stranger.

use super::arms::fresh_cell;
use super::assess;
use super::seen::Seen;
use super::worst::is_sampled_again;
use crate::plan::{AuditPlan, Cell, Stage};
use crate::verdict::{Judgment, Reason, Verdict};
use crate::{Evidence, Result};

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Take these samples, in any order; decisions are tried when all of them are there.
    Round(Vec<Range>),
    /// Nothing: the verdict is out, or no more samples are planned.
    Stop,
}

/// Draws `from` to `to` (not included) of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The cell.
    pub cell: Cell,
    /// First draw.
    pub from: u32,
    /// The draw after the last.
    pub to: u32,
}

/// The samples of the first look that is not complete; then fresh samples of worst prompts, when they
/// can still change the verdict; nothing once the verdict is out.
pub fn next(plan: &AuditPlan, evidence: &Evidence) -> Result<Next> {
    for look in 1..=plan.looks() {
        let seen = Seen::new(plan, evidence, look);
        let round = main_round(&seen, look);
        if !round.is_empty() {
            return Ok(Next::Round(round));
        }
        let judgment = assess(&seen)?;
        let fresh = match &judgment.verdict {
            Verdict::Broken { .. } | Verdict::Held { .. } => return Ok(Next::Stop),
            Verdict::Inconclusive { why } => look == plan.looks() || all_fresh(why),
        };
        if fresh {
            let round = fresh_round(&seen, &judgment);
            if !round.is_empty() {
                return Ok(Next::Round(round));
            }
        }
    }
    Ok(Next::Stop)
}

fn all_fresh(why: &[Reason]) -> bool {
    why.iter().all(|reason| matches!(reason, Reason::WorstPromptOpen { .. }))
}

fn main_round(seen: &Seen<'_>, look: usize) -> Vec<Range> {
    let arms = seen.plan.arms.iter();
    arms.flat_map(|arm| {
        let end = arm.looks.get(look - 1).copied().unwrap_or_default();
        arm.cells().flat_map(move |cell| gaps(seen, cell, end))
    })
    .collect()
}

fn fresh_round(seen: &Seen<'_>, judgment: &Judgment) -> Vec<Range> {
    let again = |arm: &str| seen.plan.arm(arm).is_some_and(|arm| is_sampled_again(seen, arm));
    let prompts = judgment.worst.iter().filter(|prompt| again(&prompt.arm));
    prompts
        .flat_map(|prompt| {
            let main = Cell {
                arm: prompt.arm.clone(),
                subject: prompt.subject,
                run: prompt.run,
                stage: Stage::Main,
            };
            gaps(seen, fresh_cell(&main, prompt.prompt), seen.plan.worst)
        })
        .collect()
}

/// The draws below `end` that a cell lacks, as ranges.
fn gaps(seen: &Seen<'_>, cell: Cell, end: u32) -> Vec<Range> {
    let (mut from, mut ranges) = (0, Vec::new());
    let have = seen.evidence.samples_of(&cell, end).map(|sample| sample.index);
    for index in have.chain([end]) {
        if from < index {
            ranges.push(Range { cell: cell.clone(), from, to: index });
        }
        from = index + 1;
    }
    ranges
}
