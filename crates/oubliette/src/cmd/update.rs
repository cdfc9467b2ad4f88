//! `oubliette update`: fine-tunes a model on pictures with captions, the benign update that an audit looks behind.
use super::running::{Running, Stopwatch, watcher};
use super::{Answer, Verb, planned};
use crate::compute::Compute;
use crate::expect::{Work, Yardstick};
use crate::failure::Failure;
use crate::terminal::Terminal;
use clap::Args;
use oubliette_evidence::Plan;
use oubliette_evidence::folder::RunFolder;
use oubliette_evidence::recipe::UpdateRecipe;
use oubliette_lab::run::{self, ResolvedUpdate, resolve};
use oubliette_model::Select;
use serde::Serialize;
use std::path::PathBuf;

/// Fine-tune a model on pictures with captions
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  oubliette update recipes/summer-photos.toml
  oubliette update recipes/summer-photos.toml --dry-run     the plan, the memory and the time it expects

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
    run: PathBuf,
    plan_digest: String,
    evidence_digest: String,
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
        if self.running.dry_run {
            let yardstick = Yardstick::of(&resolved.model, &context)?;
            let select = Select { include: resolved.tuning.weights.clone(), ..Select::default() };
            let work = work(&resolved);
            let expected = yardstick.work(&select.names(yardstick.weights())?, &work);
            return planned::answer(&plan, &run, &expected);
        }
        let watch = Stopwatch::start("update");
        let journal = run::update(&resolved, &context, &mut watcher(terminal))?;
        let evidence = journal.evidence();
        journal.write("evidence.json", &evidence.to_text()?)?;
        watch.note(&run)?;
        let text = format!(
            "The updated model is in {}; the run is in {}.\nWhat was forgotten may have come back: `oubliette audit` \
             looks.",
            resolved.out.display(),
            run.path().display()
        );
        let result = Updated {
            model: resolved.out,
            run: run.path().to_owned(),
            plan_digest: plan.digest()?.to_string(),
            evidence_digest: evidence.digest()?.to_string(),
        };
        Ok(Answer::done(result, text))
    }
}

fn work(resolved: &ResolvedUpdate) -> Work {
    let batch = resolved.tuning.batch;
    Work { trained: resolved.steps * batch as u64, batch, ..Work::default() }
}
