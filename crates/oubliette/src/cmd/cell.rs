//! One cell: an unlearning, an audit of what it made, and what is kept of both. `compare` and `tune` are made of these.
mod cost;
mod kept;

use super::running::{Running, Stopwatch, watcher};
use crate::failure::Failure;
use crate::terminal::Terminal;
pub(super) use kept::{Kept, Refusal};
use oubliette_evidence::Plan;
use oubliette_evidence::folder::RunFolder;
use oubliette_evidence::recipe::ComparedCell;
use oubliette_lab::run::{self, Context, resolve};
use std::path::PathBuf;

/// A model that was made to forget, and the run that made it.
pub(super) struct Unlearned {
    plan: Plan,
    run: RunFolder,
    model: PathBuf,
    out: PathBuf,
}

/// What cells are run with.
pub(super) struct Bench<'a> {
    pub(super) running: &'a Running,
    pub(super) context: &'a Context,
    pub(super) kept: &'a Kept,
    pub(super) terminal: &'a Terminal,
}

impl Bench<'_> {
    /// Unlearns, audits and keeps.
    pub(super) fn run(&self, cell: &ComparedCell) -> Result<(), Failure> {
        self.audit(cell, &self.unlearn(cell)?)
    }

    /// Makes the cell's model forget.
    pub(super) fn unlearn(&self, cell: &ComparedCell) -> Result<Unlearned, Failure> {
        let resolved = resolve::unlearn(&cell.unlearn)?;
        let plan = Plan::Unlearn(Box::new(resolved.plan.clone()));
        let (model, out) = (resolved.model.clone(), resolved.out.clone());
        let run = RunFolder::of(&self.running.runs, plan.digest()?);
        // Only of a run that begins and ends here is it known how long it took.
        let whole = !run.events().exists();
        let watch = Stopwatch::start("unlearn");
        run::unlearn(resolved, self.context, &mut watcher(self.terminal))?;
        if whole {
            watch.note(&run)?;
        }
        Ok(Unlearned { plan, run, model, out })
    }

    /// Audits what was unlearned, and keeps the cell.
    pub(super) fn audit(&self, cell: &ComparedCell, made: &Unlearned) -> Result<(), Failure> {
        let examiner = resolve::audit(&cell.audit, self.context)?.examiner;
        let plan = Plan::Audit(Box::new(examiner.plan.clone()));
        let run = RunFolder::of(&self.running.runs, plan.digest()?);
        let watch = Stopwatch::start("audit");
        let device = self.context.describe();
        let told = &mut watcher(self.terminal);
        let journal = run::look(&examiner, &self.running.runs, &device, told)?;
        run.write_results(&examiner.plan, journal.evidence())?;
        watch.note(&run)?;
        let cost = cost::of(&made.run, &made.model, &made.out)?;
        self.kept.keep(cell, &made.plan, &run, &cost)
    }
}

/// What a cell is called.
pub(super) fn name(cell: &ComparedCell) -> String {
    format!("{}-{}", cell.concept, cell.method)
}
