//! One cell: an unlearning, an audit of what it made, and what is kept of both. `compare` and `tune` are made of these.
mod ahead;
mod cost;
mod kept;
mod pace;
mod sheet;

use super::audit::examiner;
use super::running::{Running, Stopwatch, watcher};
use crate::expect::Yardstick;
use crate::failure::{Failure, Kind};
use crate::terminal::Terminal;
pub(super) use ahead::{ahead, audit_plan, check};
pub(super) use kept::{Kept, Refusal, remove};
use oubliette_evidence::Plan;
use oubliette_evidence::folder::RunFolder;
use oubliette_evidence::recipe::{ComparedCell, UnlearnRecipe};
use oubliette_lab::run::{self, Context, resolve};
use pace::Pace;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A model that was made to forget, and the run that made it.
pub(super) struct Unlearned {
    plan: Plan,
    run: RunFolder,
    model: PathBuf,
    out: PathBuf,
}

/// Models that cells of one run have made, by their folders.
#[derive(Default)]
pub(super) struct Made {
    /// Looked at already: the digest of a folder takes as long as reading it.
    there: BTreeSet<PathBuf>,
    /// Their training diverged, and why.
    lost: BTreeMap<PathBuf, Failure>,
}

/// A failure of an unlearning, where the recipe's key is `models`.
fn in_models(error: oubliette_lab::Error) -> Failure {
    let oubliette_lab::Error::Taken { path } = &error else { return error.into() };
    let message = format!(
        "`{}` exists already and is not what this cell makes now (its settings, its model or this program were others); remove it, \
         or choose another `models`",
        path.display()
    );
    Failure { message, ..Failure::from(error) }
}

/// What cells are run with.
pub(super) struct Bench<'a> {
    pub(super) running: &'a Running,
    pub(super) context: &'a Context,
    pub(super) kept: &'a Kept,
    pub(super) terminal: &'a Terminal,
}

impl Bench<'_> {
    /// Does `step` for every one of these cells that is open when its turn comes; it is told how long those that are left will take. What another process
    /// is at is left to it.
    ///
    /// # Errors
    /// That of a step; and at the end, that another process is at cells which are still open.
    pub(super) fn each(
        &self,
        cells: &[&ComparedCell],
        is_open: impl Fn(&ComparedCell) -> bool,
        mut step: impl FnMut(&ComparedCell, &str) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let (mut pace, mut held) = (Pace::start(), None);
        for (number, &cell) in cells.iter().enumerate() {
            if !is_open(cell) {
                continue;
            }
            let open = cells[number..].iter().filter(|&&cell| is_open(cell)).count();
            match step(cell, &pace.left(open)) {
                Err(failure) if failure.kind == Kind::Held => {
                    self.terminal.say(&format!("{}: left to another process", cell.name()));
                    held = Some(failure);
                }
                ended => {
                    ended?;
                    pace.step();
                }
            }
        }
        // The other process may be done by now.
        let still = |_: &Failure| cells.iter().any(|&cell| is_open(cell));
        held.filter(still).map_or(Ok(()), Err)
    }

    /// Unlearns, audits and keeps.
    pub(super) fn run(&self, cell: &ComparedCell, made: &mut Made) -> Result<(), Failure> {
        for before in &cell.before {
            if !made.there.contains(&before.out) {
                self.make(before, made)?;
            }
        }
        let unlearned = self.make(&cell.unlearn, made)?;
        self.audit(cell, &unlearned)
    }

    /// Makes a model that other cells may need as well.
    fn make(&self, recipe: &UnlearnRecipe, made: &mut Made) -> Result<Unlearned, Failure> {
        if let Some(why) = made.lost.get(&recipe.out) {
            return Err(why.clone());
        }
        let unlearned = self.unlearn(recipe);
        match &unlearned {
            Ok(_) => drop(made.there.insert(recipe.out.clone())),
            Err(failure) if failure.kind == Kind::Diverged => {
                made.lost.insert(recipe.out.clone(), failure.clone());
            }
            Err(_) => {}
        }
        unlearned
    }

    /// Makes a model forget, or finds that it has.
    pub(super) fn unlearn(&self, recipe: &UnlearnRecipe) -> Result<Unlearned, Failure> {
        let resolved = resolve::unlearn(recipe)?;
        let plan = Plan::Unlearn(Box::new(resolved.plan.clone()));
        let (model, out) = (resolved.model.clone(), resolved.out.clone());
        let run = RunFolder::of(&self.running.runs, plan.digest()?);
        // Only of a run that begins and ends here is it known how long it took.
        let whole = !run.events().exists();
        let expected = |yardstick: &Yardstick| yardstick.turns(&resolved.turns);
        let context = self.running.fitted(self.context.clone(), &model, self.terminal, expected)?;
        let watch = Stopwatch::start("unlearn");
        run::unlearn(resolved, &context, &mut watcher(self.terminal)).map_err(in_models)?;
        if whole {
            watch.note(&run)?;
        }
        Ok(Unlearned { plan, run, model, out })
    }

    /// Audits what was unlearned, and keeps the cell.
    pub(super) fn audit(&self, cell: &ComparedCell, made: &Unlearned) -> Result<(), Failure> {
        let (examiner, context) =
            examiner(&cell.audit, self.running, self.context.clone(), self.terminal)?;
        let plan = Plan::Audit(Box::new(examiner.plan.clone()));
        let run = RunFolder::of(&self.running.runs, plan.digest()?);
        let watch = Stopwatch::start("audit");
        let device = context.describe();
        let told = &mut watcher(self.terminal);
        let journal = run::look(&examiner, &self.running.runs, &device, told)?;
        run.write_results(&examiner.plan, journal.evidence())?;
        watch.note(&run)?;
        let cost = cost::of(&made.run, &made.model, &made.out)?;
        sheet::draw(&examiner.plan, journal.evidence(), &run, &self.kept.sheet(cell)?)?;
        self.kept.keep(cell, &made.plan, &run, &cost)
    }
}
