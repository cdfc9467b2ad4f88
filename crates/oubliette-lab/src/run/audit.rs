//! Runs an audit: rounds of draws until the plan says stop, every finished unit on disk before the next.

mod studio;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    rc::Rc,
};

use oubliette_evidence::{
    AuditPlan, Event, Next, Plan,
    event::{Finished, Sampled},
    judge::Range,
    next,
    plan::Arm,
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
use studio::Studio;

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
/// [`Error::Interrupted`] when the watcher stops it; run it again to go on.
pub fn look(
    examiner: &Examiner,
    runs: &Path,
    device: &str,
    watch: &mut Watch<'_>,
) -> Result<Journal> {
    let plan = Plan::Audit(Box::new(examiner.plan.clone()));
    let mut journal = Journal::open(runs, &plan, device)?;
    journal.evidence().check_samples(&examiner.plan)?;
    if journal.evidence().finished() {
        return Ok(journal);
    }
    let mut studio = Studio::new(examiner);
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
    journal.append(vec![Event::Finished(Finished {})])?;
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
        let events = unit_of(studio, journal, arm, range, indices, watch)?;
        journal.append(events)?;
        *done += indices.len() as u64;
        tell(watch, Progress { unit: &unit, done: *done, total, loss: None })?;
    }
    Ok(())
}

/// One unit: a batch of pictures, painted, kept and looked at.
fn unit_of(
    studio: &mut Studio<'_>,
    journal: &mut Journal,
    arm: &Arm,
    range: &Range,
    indices: &[u32],
    watch: &mut Watch<'_>,
) -> Result<Vec<Event>> {
    let (cell, examiner) = (&range.cell, studio.examiner);
    let draws: Vec<_> =
        indices.iter().map(|&index| arm.draw(examiner.plan.seed, cell.stage, index)).collect();
    let prompts: Vec<_> =
        draws.iter().filter_map(|draw| arm.prompts.get(draw.prompt as usize)).collect();
    let asked = prompts.iter().zip(&draws).map(|(prompt, draw)| Asked {
        prompt: prompt.text.clone(),
        seed: draw.seed,
        guidance: prompt.guidance.map(|guidance| guidance.get()),
    });
    let asked: Vec<_> = asked.collect();
    let pictures = studio.subject(journal, cell, watch)?.paint(&asked, &examiner.plan.sampling)?;
    if pictures.len() != indices.len() {
        return Err(Error::Changed {
            path: journal.folder().to_owned(),
            thing: format!("{} pictures were asked for and {} came", indices.len(), pictures.len()),
        });
    }
    let sought: Vec<_> = prompts.iter().map(|prompt| prompt.label.as_deref()).collect();
    let scores = studio.scores(&pictures, &sought)?;
    let alignment = studio.alignment(&pictures, &asked)?;
    let mut events = Vec::with_capacity(indices.len());
    for (row, (&index, draw)) in indices.iter().zip(&draws).enumerate() {
        events.push(Event::Sampled(Sampled {
            cell: cell.clone(),
            index,
            prompt: draw.prompt,
            seed: draw.seed,
            picture: journal.keep(&pictures[row])?,
            scores: scores.iter().map(|(name, of)| (name.clone(), of[row])).collect(),
            alignment: alignment.as_ref().map(|of| of[row]),
        }));
    }
    Ok(events)
}
