//! `oubliette compare`: many methods on many concepts, each unlearned and audited, on one page.
mod claims;
mod page;

use super::cell::{Bench, Kept, Made, ahead};
use super::running::Running;
use super::{Answer, Verb};
use crate::compute::Compute;
use crate::failure::{Failure, Kind};
use crate::terminal::Terminal;
use clap::Args;
use oubliette_evidence::hypotheses::{Along, Outcome, Seen};
use oubliette_evidence::recipe::{CompareRecipe, ComparedCell};
use oubliette_lab::run::resolve;
use page::{beginning, diverged, is_open, missing};
use serde::Serialize;
use serde_json::json;
use std::path::PathBuf;

/// Unlearn and audit many concepts with many methods, and put the results on one page
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  oubliette compare methods.toml
  oubliette compare methods.toml --dry-run  # cells, and what they will take
  # one concept and one method (lion-uce-2: of seed 2)
  oubliette compare methods.toml --cell lion-uce
  oubliette compare methods.toml --render   # the page, from what is kept

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

/// A cell in a dry run.
#[derive(Serialize)]
struct Planned {
    cell: String,
    state: &'static str,
}

/// The result of a comparison.
#[derive(Serialize)]
struct Compared {
    page: PathBuf,
    cells: usize,
    missing: Vec<String>,
    diverged: Vec<String>,
    hypotheses: Vec<Claimed<Seen>>,
    trends: Vec<Claimed<Along>>,
}

/// A hypothesis or a trend, and what became of it.
#[derive(Serialize)]
struct Claimed<S> {
    claim: String,
    #[serde(flatten)]
    outcome: Outcome<S>,
}

impl Verb for Compare {
    fn compute(&self) -> Option<&Compute> {
        Some(&self.running.compute)
    }

    fn run(&self, terminal: &Terminal) -> Result<Answer, Failure> {
        let recipe = CompareRecipe::read(&self.recipe)?;
        recipe.check_braces(resolve::places)?;
        let cells = recipe.cells()?;
        self.refuse_unknown(&cells)?;
        let kept = Kept::of(&recipe);
        if self.running.dry_run || !self.render {
            let context = self.running.context()?;
            let bench = Bench { running: &self.running, context: &context, kept: &kept, terminal };
            if self.running.dry_run {
                return self.planned(&bench, &recipe, &cells);
            }
            self.run_missing(&bench, &recipe, &cells)?;
        }
        let (claims, text) = page::write(&recipe, &kept, &cells)?;
        let hypotheses = claims.judged.into_iter();
        let trends = claims.trends.into_iter();
        let result = Compared {
            page: kept.page(),
            cells: cells.len(),
            missing: missing(&kept, &cells),
            diverged: diverged(&kept, &cells).into_keys().collect(),
            hypotheses: hypotheses
                .map(|one| Claimed { claim: one.claimed.claim.clone(), outcome: one.outcome })
                .collect(),
            trends: trends
                .map(|one| Claimed { claim: one.claimed.claim.clone(), outcome: one.outcome })
                .collect(),
        };
        let page = kept.page();
        Ok(Answer::done(result, format!("{}\nPage: {}", beginning(&text, &page), page.display())))
    }
}

impl Compare {
    /// Runs what is missing. A training that diverges is a result, and no reason to leave the others undone.
    fn run_missing(
        &self,
        bench: &Bench<'_>,
        recipe: &CompareRecipe,
        cells: &[ComparedCell],
    ) -> Result<(), Failure> {
        let open = |cell: &&ComparedCell| self.wants(cell) && is_open(bench.kept, cell);
        let open: Vec<&ComparedCell> = cells.iter().filter(open).collect();
        claims::decidable(bench, recipe, &open)?;
        let claims = !recipe.hypothesis.is_empty() || !recipe.trend.is_empty();
        if claims {
            bench.kept.note_claims(recipe)?;
        }
        let mut made = Made::default();
        let still = |cell: &ComparedCell| is_open(bench.kept, cell);
        bench.each(&open, still, |cell, left| {
            bench.terminal.say(&format!("{}: {left}", cell.name()));
            match bench.run(cell, &mut made) {
                Err(failure) if failure.kind == Kind::Diverged => {
                    bench.terminal.say(&failure.message);
                    bench.kept.refuse(cell, &failure)?;
                }
                ended => ended?,
            }
            page::write(recipe, bench.kept, cells)?;
            Ok(())
        })
    }

    /// What `--dry-run` answers: every cell with its state, and what those that are to do are expected to take.
    fn planned(
        &self,
        bench: &Bench<'_>,
        recipe: &CompareRecipe,
        cells: &[ComparedCell],
    ) -> Result<Answer, Failure> {
        let wanted: Vec<&ComparedCell> = cells.iter().filter(|cell| self.wants(cell)).collect();
        let open: Vec<_> =
            wanted.iter().copied().filter(|cell| is_open(bench.kept, cell)).collect();
        claims::decidable(bench, recipe, &open)?;
        let expected = ahead(bench, cells, &open)?;
        let state = |cell: &&ComparedCell| Planned {
            cell: cell.name(),
            state: match (bench.kept.has(cell), bench.kept.refusal(cell)) {
                (true, _) => "kept",
                (false, Some(_)) => "diverged",
                (false, None) => "to do",
            },
        };
        let cells: Vec<Planned> = wanted.iter().map(state).collect();
        let line = |one: &Planned| format!("{:<40} {}\n", one.cell, one.state);
        let mut text: String = cells.iter().map(line).collect();
        if let Some(expected) = &expected {
            text += &format!("\n{} to do: {expected}\n", open.len());
        }
        Ok(Answer::done(
            json!({ "cells": cells, "expected": expected }),
            text + "\nNothing was done.",
        ))
    }

    fn wants(&self, cell: &ComparedCell) -> bool {
        self.cell.is_empty() || self.cell.contains(&cell.name())
    }

    fn refuse_unknown(&self, cells: &[ComparedCell]) -> Result<(), Failure> {
        match self.cell.iter().find(|asked| !cells.iter().any(|cell| cell.name() == **asked)) {
            None => Ok(()),
            Some(asked) => {
                let names: Vec<_> = cells.iter().map(ComparedCell::name).collect();
                Err(Failure::usage(format!(
                    "`{}` has no cell `{asked}`; choose of {}",
                    self.recipe.display(),
                    names.join(", ")
                )))
            }
        }
    }
}
