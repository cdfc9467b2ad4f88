//! `oubliette compare`: many methods on many concepts, each unlearned and audited, on one page.
mod cost;
mod kept;

use super::running::{Running, Stopwatch, watcher};
use super::{Answer, Verb};
use crate::compute::Compute;
use crate::failure::Failure;
use crate::terminal::Terminal;
use clap::Args;
use kept::Kept;
use oubliette_evidence::document::Document;
use oubliette_evidence::folder::RunFolder;
use oubliette_evidence::recipe::{CompareRecipe, ComparedCell, UnlearnRecipe};
use oubliette_evidence::report::render_comparison;
use oubliette_evidence::{Digest, Plan};
use oubliette_lab::run::{self, Context, resolve};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Unlearn and audit many concepts with many methods, and put the results on one page
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  oubliette compare studies/methods/compare.toml
  oubliette compare studies/methods/compare.toml --cell lion-uce      one concept and one method
  oubliette compare studies/methods/compare.toml --render             the page again, from what is kept

Every cell is an unlearning and an audit, as the verbs of that name do them; what is kept of it lies in the recipe's `out`.
Run again after an interruption, the command takes up where it stopped; the page says what is still missing.")]
pub(crate) struct Compare {
    /// A recipe with `task = "compare"`
    recipe: PathBuf,
    /// Only this cell, named CONCEPT-METHOD; may be given several times
    #[arg(long, value_name = "CELL")]
    cell: Vec<String>,
    /// Run nothing: derive every judgment and the page again from what is kept
    #[arg(long, conflicts_with = "cell")]
    render: bool,
    #[command(flatten)]
    running: Running,
}

/// The result of a comparison.
#[derive(Serialize)]
struct Compared {
    page: PathBuf,
    cells: usize,
    missing: Vec<String>,
}

impl Verb for Compare {
    fn compute(&self) -> Option<&Compute> {
        Some(&self.running.compute)
    }

    fn run(&self, terminal: &Terminal) -> Result<Answer, Failure> {
        let recipe = CompareRecipe::read(&self.recipe)?;
        let cells = recipe.cells()?;
        self.refuse_unknown(&cells)?;
        let out = recipe.source.beside(&recipe.out);
        let kept = Kept::at(&out);
        if self.running.dry_run {
            return Ok(planned(&cells, &kept));
        }
        if !self.render {
            let context = self.running.context()?;
            let mut made = BTreeSet::new();
            for cell in cells.iter().filter(|cell| self.wants(cell) && !kept.has(cell)) {
                terminal.say(&format!("{} by {}", cell.concept, cell.method));
                self.run_cell(cell, (&context, &mut made), &kept, terminal)?;
                page(&kept, &cells)?;
            }
        }
        let text = page(&kept, &cells)?;
        let missing = missing(&kept, &cells);
        let result = Compared { page: kept.page(), cells: cells.len(), missing };
        Ok(Answer::done(result, format!("{text}\nPage: {}", kept.page().display())))
    }
}

impl Compare {
    fn wants(&self, cell: &ComparedCell) -> bool {
        self.cell.is_empty() || self.cell.contains(&name(cell))
    }

    fn refuse_unknown(&self, cells: &[ComparedCell]) -> Result<(), Failure> {
        match self.cell.iter().find(|asked| !cells.iter().any(|cell| name(cell) == **asked)) {
            None => Ok(()),
            Some(asked) => {
                let names: Vec<_> = cells.iter().map(name).collect();
                Err(Failure::usage(format!(
                    "`{}` has no cell `{asked}`; choose of {}",
                    self.recipe.display(),
                    names.join(", ")
                )))
            }
        }
    }

    fn run_cell(
        &self,
        cell: &ComparedCell,
        (context, made): (&Context, &mut BTreeSet<PathBuf>),
        kept: &Kept,
        terminal: &Terminal,
    ) -> Result<(), Failure> {
        for before in &cell.before {
            // The digest of a folder takes as long as reading it, so a model is looked at once.
            if made.insert(before.out.clone()) {
                self.unlearn(before, context, terminal)?;
            }
        }
        let [model, out] =
            [&cell.unlearn.model, &cell.unlearn.out].map(|path| cell.unlearn.source.beside(path));
        let (unlearn, unlearned) = self.unlearn(&cell.unlearn, context, terminal)?;
        made.insert(cell.unlearn.out.clone());
        let examiner = resolve::audit(&cell.audit, context)?.examiner;
        let plan = Plan::Audit(Box::new(examiner.plan.clone()));
        let run = RunFolder::of(&self.running.runs, plan.digest()?);
        let watch = Stopwatch::start("audit");
        let device = context.describe();
        let journal = run::look(&examiner, &self.running.runs, &device, &mut watcher(terminal))?;
        run.write_results(&examiner.plan, journal.evidence())?;
        watch.note(&run)?;
        kept.keep(cell, &unlearn, &run, &cost::of(&unlearned, &model, &out)?)
    }
}

impl Compare {
    /// Makes a model forget, or finds that it has.
    fn unlearn(
        &self,
        recipe: &UnlearnRecipe,
        context: &Context,
        terminal: &Terminal,
    ) -> Result<(Plan, RunFolder), Failure> {
        let resolved = resolve::unlearn(recipe)?;
        let plan = Plan::Unlearn(Box::new(resolved.plan.clone()));
        let run = RunFolder::of(&self.running.runs, plan.digest()?);
        // Only of a run that begins and ends here is it known how long it took.
        let whole = !run.events().exists();
        let watch = Stopwatch::start("unlearn");
        run::unlearn(resolved, context, &mut watcher(terminal))?;
        if whole {
            watch.note(&run)?;
        }
        Ok((plan, run))
    }
}

/// Writes the page from what is kept, and gives its text.
fn page(kept: &Kept, cells: &[ComparedCell]) -> Result<String, Failure> {
    let audits = cells.iter().map(|cell| kept.read(cell)).collect::<Result<Vec<_>, _>>()?;
    let audits: Vec<_> = audits.into_iter().flatten().collect();
    let text = render_comparison(&audits, &missing(kept, cells));
    kept.write_page(&text)?;
    Ok(text)
}

/// The cells that are still to be run.
fn missing(kept: &Kept, cells: &[ComparedCell]) -> Vec<String> {
    cells.iter().filter(|cell| !kept.has(cell)).map(name).collect()
}

fn planned(cells: &[ComparedCell], kept: &Kept) -> Answer {
    let line = |cell: &ComparedCell| {
        let state = if kept.has(cell) { "kept" } else { "to do" };
        format!("{:<40} {state}", name(cell))
    };
    let names: Vec<_> = cells.iter().map(name).collect();
    let lines: Vec<_> = cells.iter().map(line).collect();
    Answer::done(names, format!("{}\n\nNothing was done.", lines.join("\n")))
}

/// What a cell is called.
fn name(cell: &ComparedCell) -> String {
    format!("{}-{}", cell.concept, cell.method)
}

/// The digest by which a plan knows the recipe that it was made from.
fn digest(document: &Document) -> Digest {
    Digest::of(document.text().as_bytes())
}
