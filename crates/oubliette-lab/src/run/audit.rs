//! Runs an audit: rounds of draws until the plan says stop, every finished unit on disk before the next.

mod distances;
mod frames;
mod known;
mod measure;
mod mend;
mod studio;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    rc::Rc,
};

use oubliette_evidence::{
    AuditPlan, Event, Next, Plan, event::Finished, judge::Range, next, plan::Arm,
};

use super::{Journal, Subjects};
use crate::{
    Error, Result,
    alignment::Aligner,
    attacks::Attack,
    detectors::Eye,
    progress::{Progress, Watch, tell},
    subject::Asked,
};
use frames::Frame;
use known::Known;
use studio::Studio;

pub use distances::Lens;

/// Everything that an audit's plan stands for on this machine.
pub struct Examiner {
    /// The plan.
    pub plan: AuditPlan,
    /// Opens the subjects.
    pub subjects: Box<dyn Subjects>,
    /// The attack behind every arm, by the arm's id; arms without one take subjects as they come.
    pub attacks: BTreeMap<String, Rc<dyn Attack>>,
    /// The detectors, ready to look, by their names in the plan.
    pub eyes: Vec<(String, Box<dyn Eye>)>,
    /// Scores how well picture and prompt agree.
    pub aligner: Option<Box<dyn Aligner>>,
    /// Sees the features whose Fréchet distance is measured.
    pub lens: Option<Lens>,
    /// The folder that the recipe's paths start from.
    pub base: PathBuf,
    /// Captioned pictures of the concept on which the denoising loss is measured.
    pub held_out: Option<PathBuf>,
    /// Pictures made together; changes no picture.
    pub batch: usize,
}

/// Runs, or goes on with, the audit in its run folder below `runs`.
///
/// # Errors
/// [`Error::Interrupted`] when the watcher stops it; run it again to go on. What is in the folder and is not this plan's, and pictures that were
/// lost and come out as others.
pub fn look(
    examiner: &Examiner,
    runs: &Path,
    device: &str,
    watch: &mut Watch<'_>,
) -> Result<Journal> {
    let plan = Plan::Audit(Box::new(examiner.plan.clone()));
    let mut journal = Journal::open(runs, &plan, device)?;
    journal.evidence().check_samples(&examiner.plan).map_err(Error::damaged)?;
    let known = Known::of(&examiner.plan, journal.folder(), device);
    let mut studio = Studio::new(examiner, known);
    studio.mend(&mut journal, watch)?;
    if journal.evidence().finished() {
        journal.clear();
        return Ok(journal);
    }
    while let Next::Round(mut ranges) = next(&examiner.plan, journal.evidence())? {
        // Grouped by subject and training run, so that each is loaded and trained once a round.
        ranges.sort_by_key(|range| studio.order(&range.cell));
        let total = ranges.iter().map(|range| u64::from(range.to - range.from)).sum();
        let mut done = 0;
        for range in &ranges {
            examine(&mut studio, &mut journal, range, (&mut done, total), watch)?;
        }
    }
    studio.measure(&mut journal, watch)?;
    studio.distances(&mut journal, watch)?;
    journal.append(vec![Event::Finished(Finished {})])?;
    journal.clear();
    Ok(journal)
}

/// Makes and looks at the pictures of one range that are not yet in the evidence.
fn examine(
    studio: &mut Studio<'_>,
    journal: &mut Journal,
    range: &Range,
    (done, total): (&mut u64, u64),
    watch: &mut Watch<'_>,
) -> Result<()> {
    let missing: Vec<u32> = (range.from..range.to)
        .filter(|&index| journal.evidence().sample(&range.cell, index).is_none())
        .collect();
    *done += u64::from(range.to - range.from) - missing.len() as u64;
    let arm = studio.arm(&range.cell)?;
    let unit = format!("{}, {}", arm.id, range.cell.subject);
    for indices in missing.chunks(studio.examiner.batch.max(1)) {
        let frames = frames(arm, studio.examiner.plan.seed, range, indices);
        let events = studio.look(journal, &range.cell, &frames, watch)?;
        journal.append(events)?;
        *done += indices.len() as u64;
        tell(watch, Progress { unit: &unit, done: *done, total, loss: None })?;
    }
    Ok(())
}

/// What is asked for in these draws of a range.
fn frames(arm: &Arm, seed: u64, range: &Range, indices: &[u32]) -> Vec<Frame> {
    let frame = |&index: &u32| {
        let draw = arm.draw(seed, range.cell.stage, index);
        let prompt = arm.prompts.get(draw.prompt as usize)?;
        let asked = Asked {
            prompt: prompt.text.clone(),
            seed: draw.seed,
            guidance: prompt.guidance.map(|guidance| guidance.get()),
        };
        Some(Frame { index, prompt: draw.prompt, asked, sought: prompt.label.clone() })
    };
    indices.iter().filter_map(frame).collect()
}
