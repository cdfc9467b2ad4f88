//! `oubliette update`: fine-tunes a model on pictures with captions, the benign update that an audit looks behind.
use super::running::{Running, Stopwatch, watcher};
use super::{Answer, Verb, planned};
use crate::compute::Compute;
use crate::expect::{Expectation, Work, Yardstick};
use crate::failure::Failure;
use crate::terminal::Terminal;
use clap::Args;
use oubliette_evidence::Plan;
use oubliette_evidence::folder::RunFolder;
use oubliette_evidence::recipe::UpdateRecipe;
use oubliette_lab::run::{self, ResolvedUpdate, resolve};
use oubliette_lab::tuning::Kind;
use serde::Serialize;
use std::path::PathBuf;

/// Fine-tune a model on pictures with captions
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  oubliette update summer-photos.toml
  oubliette update summer-photos.toml --dry-run  # the plan, memory and time

The recipe says `task = \"update\"`, and how to train in its [train] table: kind (full or lora), steps, learning_rate, batch.
Run again after an interruption, the command takes up where it stopped.")]
pub(crate) struct Update {
    /// A recipe with `task = "update"`
    recipe: PathBuf,
    #[command(flatten)]
    running: Running,
}

/// The result of an update.
#[derive(Serialize)]
struct Updated {
    model: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    adapter: Option<PathBuf>,
    run: PathBuf,
    plan_digest: String,
    evidence_digest: String,
    /// Pictures that were trained on.
    pictures: usize,
    /// Pictures of the folder that have no caption.
    left_out: usize,
}

impl Verb for Update {
    fn compute(&self) -> Option<&Compute> {
        Some(&self.running.compute)
    }

    fn run(&self, terminal: &Terminal) -> Result<Answer, Failure> {
        let context = self.running.context()?;
        let resolved = resolve::update(&UpdateRecipe::read(&self.recipe)?)?;
        let plan = Plan::Update(Box::new(resolved.plan.clone()));
        let run = RunFolder::of(&self.running.runs, plan.digest()?);
        let expected = |yardstick: &Yardstick| expected(yardstick, &resolved);
        let context = self.running.fitted(context, &resolved.model, terminal, expected)?;
        if self.running.dry_run {
            for written in resolved.written() {
                run::would_be_free(written, &run, 1)?;
            }
            let expected = expected(&Yardstick::of(&resolved.model, &context)?)?;
            return planned::answer(&plan, &run, &expected);
        }
        let watch = Stopwatch::start("update");
        let journal = run::update(&resolved, &context, &mut watcher(terminal))?;
        let evidence = journal.evidence();
        watch.note(&run)?;
        let left_out = match resolved.left_out {
            0 => String::new(),
            1 => "; 1 more has no caption and was left out".to_owned(),
            more => format!("; {more} more have no caption and were left out"),
        };
        let text = format!(
            "The updated model is in {}; the run is in {}. Pictures it was trained on: {}{left_out}.\nWhat was forgotten may have come back: `oubliette audit` \
             looks.",
            resolved.out.display(),
            run.path().display(),
            resolved.pictures
        );
        let result = Updated {
            model: resolved.out,
            adapter: resolved.adapter,
            run: run.path().to_owned(),
            plan_digest: plan.digest()?.to_string(),
            evidence_digest: evidence.digest()?.to_string(),
            pictures: resolved.pictures,
            left_out: resolved.left_out,
        };
        Ok(Answer::done(result, text))
    }
}

fn expected(yardstick: &Yardstick, resolved: &ResolvedUpdate) -> Result<Expectation, Failure> {
    let batch = resolved.tuning.batch;
    let rank = (resolved.tuning.kind == Kind::Lora).then_some(resolved.tuning.rank);
    let trained = resolved.steps * batch as u64;
    let work = Work { trained, batch, rank, ..Work::default() };
    Ok(yardstick.work(&resolved.tuning.select().names(yardstick.weights())?, &work))
}
