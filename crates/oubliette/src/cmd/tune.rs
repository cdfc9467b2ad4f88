//! `oubliette tune`: a method's few sensitive settings, chosen on concepts other than those that will be reported.
mod search;

use super::cell::{Bench, Kept, ahead};
use super::running::Running;
use super::{Answer, Verb};
use crate::compute::Compute;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use clap::Args;
use oubliette_evidence::choice::Choice;
use oubliette_evidence::recipe::{Candidate, ComparedCell, TuneRecipe};
use oubliette_evidence::report::{Trial, Tuning};
use oubliette_evidence::settings::{Settings, settings};
use oubliette_lab::METHODS;
use oubliette_lab::run::resolve;
use search::Search;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Choose a method's settings on concepts other than those that will be reported
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  oubliette tune recipes/tune/uce.toml            # on the embedded model
  oubliette tune recipes/tune/uce.toml --dry-run  # every candidate
  # page and choice again, from what is kept
  oubliette tune recipes/tune/uce.toml --render

Every candidate is unlearned and audited on every concept to tune on, as `compare` does it; the page, what was chosen (`chosen.toml`,
for a recipe) and what is kept lie in the recipe's `out`. Exits with 3 when no candidate meets the rule.
Run again after an interruption, the command takes up where it stopped; a grid that has grown keeps what it has.")]
pub(crate) struct Tune {
    /// A recipe with `task = "tune"`
    recipe: PathBuf,
    /// Run nothing: derive every judgment, the choice and the page again from what is kept
    #[arg(long)]
    render: bool,
    #[command(flatten)]
    running: Running,
}

/// The result of a search.
#[derive(Serialize)]
struct Tuned {
    page: PathBuf,
    /// The file with what was chosen.
    chosen: Option<PathBuf>,
    /// The label of what was chosen.
    candidate: Option<String>,
    /// Whether it meets the rule.
    met: bool,
    candidates: Vec<Shown>,
    cells: usize,
    missing: Vec<String>,
}

/// One candidate for programs.
#[derive(Serialize)]
struct Shown {
    label: String,
    settings: Settings,
    #[serde(flatten)]
    trial: Trial,
}

impl Verb for Tune {
    fn compute(&self) -> Option<&Compute> {
        Some(&self.running.compute)
    }

    fn run(&self, terminal: &Terminal) -> Result<Answer, Failure> {
        let recipe = TuneRecipe::read(&self.recipe)?;
        METHODS.find(&recipe.method.name)?;
        recipe.check_braces(resolve::places)?;
        let kept = Kept::at(&recipe.source.beside(&recipe.out));
        let search = Search::of(recipe)?;
        if self.running.dry_run || !self.render {
            let context = self.running.context()?;
            let bench = Bench { running: &self.running, context: &context, kept: &kept, terminal };
            if self.running.dry_run {
                return planned(&search, &bench);
            }
            search.run(&bench)?;
        }
        let (tuning, text) = search.page(&kept)?;
        answer(&search, &kept, &tuning, &text)
    }
}

/// The page in words, and what was chosen for programs.
fn answer(search: &Search, kept: &Kept, tuning: &Tuning, text: &str) -> Result<Answer, Failure> {
    let choice = tuning.choice();
    let missing: Vec<String> = search.open(kept).into_iter().map(ComparedCell::name).collect();
    let met = matches!(choice, Some(Choice::Met(_)));
    let exit = if met || !missing.is_empty() { Exit::Done } else { Exit::Undecided };
    let chosen = choice.map(|_| kept.beside(search::CHOSEN));
    let mut text = format!("{text}\nPage: {}", kept.page().display());
    if let Some(chosen) = &chosen {
        text += &format!("\nChosen: {}", chosen.display());
    }
    let result = Tuned {
        page: kept.page(),
        chosen,
        candidate: choice.map(|choice| tuning.trials[choice.place()].0.label.clone()),
        met,
        candidates: shown(tuning)?,
        cells: search.cells.len(),
        missing,
    };
    Ok(Answer::ending(exit, result, text))
}

fn shown(tuning: &Tuning) -> Result<Vec<Shown>, Failure> {
    let one = |(candidate, trial): &(Candidate, Trial)| {
        let settings = settings(&candidate.searched.iter().cloned().collect())?;
        Ok(Shown { label: candidate.label.clone(), settings, trial: trial.clone() })
    };
    tuning.trials.iter().map(one).collect()
}

/// What `--dry-run` answers: every candidate, which of its cells are kept, and what the others are expected to take.
fn planned(search: &Search, bench: &Bench<'_>) -> Result<Answer, Failure> {
    let tuning = search.tuning(bench.kept)?.0;
    let open = search.open(bench.kept);
    let mut refused: BTreeMap<&str, String> = BTreeMap::new();
    for cell in &open {
        match search.check(cell, bench.context) {
            Err(failure) if search::is_own(&failure) => {
                drop(refused.insert(&cell.method, failure.message));
            }
            checked => checked?,
        }
    }
    let line = |(candidate, trial): &(Candidate, Trial)| {
        let state = match trial {
            Trial::Measured { .. } => "kept".to_owned(),
            Trial::Refused { concept, .. } => format!("refused on {concept}"),
            Trial::Partial { .. } if refused.contains_key(candidate.label.as_str()) => {
                format!("would be refused: {}", refused[candidate.label.as_str()])
            }
            Trial::Partial { have, want } => format!("{have} of {want} cells kept"),
        };
        format!("{}  {:<20} {}", candidate.label, state, candidate.words())
    };
    let lines: Vec<String> = tuning.trials.iter().map(line).collect();
    let taken = |cell: &&ComparedCell| !refused.contains_key(cell.method.as_str());
    let taken: Vec<&ComparedCell> = open.iter().copied().filter(taken).collect();
    let expected = ahead(bench, &search.cells, &taken)?;
    let missing: Vec<String> = open.into_iter().map(ComparedCell::name).collect();
    let mut text = format!(
        "{}\n\nRule: {}.\n{} cells on {}, of which {} are to be run.\n",
        lines.join("\n"),
        tuning.rule(),
        search.cells.len(),
        tuning.concepts.join(", "),
        missing.len()
    );
    if let Some(expected) = &expected {
        text += &format!("{expected}\n");
    }
    text += "\nNothing was done.";
    let result = serde_json::json!({
        "candidates": shown(&tuning)?,
        "cells": search.cells.len(),
        "missing": missing,
        "expected": expected,
    });
    Ok(Answer::done(result, text))
}
