//! `oubliette audit`: tries to bring the concept back, and judges the claim.
use super::running::{Running, Stopwatch, watcher};
use super::{Answer, Verb, judged, planned};
use crate::compute::Compute;
use crate::expect::{Expectation, Work, Yardstick};
use crate::failure::Failure;
use crate::terminal::Terminal;
use clap::Args;
use oubliette_evidence::Plan;
use oubliette_evidence::folder::RunFolder;
use oubliette_evidence::plan::{AuditPlan, Role};
use oubliette_evidence::recipe::AuditRecipe;
use oubliette_evidence::report::render_text;
use oubliette_lab::run::{self, Context, Examiner, resolve};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// See whether a concept stays forgotten
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  oubliette audit audit-lion.toml
  oubliette audit audit-lion.toml --dry-run  # every arm, memory and time
  oubliette audit audit-lion.toml --json     # the verdict for programs

Exits with 0 when the claim held, 1 when it is broken, 3 when it cannot be decided.
Run again after an interruption, the command takes up where it stopped.")]
pub(crate) struct Audit {
    /// A recipe with `task = "audit"`
    recipe: PathBuf,
    #[command(flatten)]
    running: Running,
}

impl Verb for Audit {
    fn compute(&self) -> Option<&Compute> {
        Some(&self.running.compute)
    }

    fn run(&self, terminal: &Terminal) -> Result<Answer, Failure> {
        let context = self.running.context()?;
        let recipe = AuditRecipe::read(&self.recipe)?;
        let (examiner, context) = examiner(&recipe, &self.running, context, terminal)?;
        let plan = Plan::Audit(Box::new(examiner.plan.clone()));
        let run = RunFolder::of(&self.running.runs, plan.digest()?);
        if self.running.dry_run {
            let original = recipe.source.beside(&recipe.subjects.original);
            let expected = expected(&Yardstick::of(&original, &context)?, &examiner.plan)?;
            return planned::answer(&plan, &run, &expected);
        }
        let watch = Stopwatch::start("audit");
        let device = context.describe();
        let journal = run::look(&examiner, &self.running.runs, &device, &mut watcher(terminal))?;
        let judgment = run.write_results(&examiner.plan, journal.evidence())?;
        watch.note(&run)?;
        let text = render_text(&examiner.plan, journal.evidence(), &judgment);
        Ok(judged::answer(&run, &judgment, &text))
    }
}

/// Who examines, and in which context what is expected fits into the memory that there may be.
pub(super) fn examiner(
    recipe: &AuditRecipe,
    running: &Running,
    context: Context,
    terminal: &Terminal,
) -> Result<(Examiner, Context), Failure> {
    let examiner = resolve::audit(recipe, &context)?.examiner;
    if running.memory.is_none() {
        return Ok((examiner, context));
    }
    let original = recipe.source.beside(&recipe.subjects.original);
    let expected = |yardstick: &Yardstick| expected(yardstick, &examiner.plan);
    let context = running.fitted(context, &original, terminal, expected)?;
    Ok((resolve::audit(recipe, &context)?.examiner, context))
}

/// All pictures of all arms up to the last look, and every training run once.
pub(super) fn expected(yardstick: &Yardstick, plan: &AuditPlan) -> Result<Expectation, Failure> {
    let mut pictures = 0;
    let mut longest: BTreeMap<(Option<String>, Role), u64> = BTreeMap::new();
    for arm in &plan.arms {
        let each = u64::from(arm.looks.last().copied().unwrap_or(0)) * u64::from(arm.runs);
        pictures += each * arm.subjects.len() as u64;
        let steps = arm.steps.unwrap_or(0) * u64::from(arm.runs);
        for role in &arm.subjects {
            let known = longest.entry((arm.series.clone(), *role)).or_default();
            *known = steps.max(*known);
        }
    }
    let trainings = || plan.arms.iter().filter_map(|arm| arm.settings.get("train"));
    let batch = |train: &serde_json::Value| train.get("batch")?.as_u64();
    let batch = trainings().filter_map(batch).max().unwrap_or(1);
    // Where all of them train adapters, no weight of the denoiser has moments.
    let rank = |train: &serde_json::Value| {
        let rank = train.get("rank")?.as_u64()?;
        (train.get("kind")?.as_str() == Some("lora")).then_some(rank as usize)
    };
    let rank = trainings().map(rank).collect::<Option<Vec<_>>>();
    let rank = rank.and_then(|ranks| ranks.into_iter().max());
    let trained: u64 = longest.values().sum();
    let all: BTreeSet<String> = match trained {
        0 => BTreeSet::new(),
        _ => yardstick
            .weights()
            .iter()
            .map(|(name, _)| name.clone())
            .filter(|name| name.starts_with("unet/"))
            .collect(),
    };
    let work = Work {
        sampled: (pictures, plan.sampling.steps),
        trained: trained * batch,
        batch: usize::try_from(batch).unwrap_or(1),
        rank,
    };
    Ok(yardstick.work(&all, &work))
}
