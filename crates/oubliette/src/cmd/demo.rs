//! `oubliette demo`: the whole story on the embedded model, with the same steps that the other verbs take.
mod stage;

use super::running::watcher;
use super::{Answer, Verb};
use crate::compute::Compute;
use crate::failure::Failure;
use crate::terminal::Terminal;
use clap::Args;
use oubliette_evidence::Judgment;
use oubliette_evidence::folder::RunFolder;
use oubliette_evidence::plan::Role;
use oubliette_evidence::recipe::{AuditRecipe, UnlearnRecipe, UpdateRecipe};
use oubliette_evidence::{Plan, Verdict};
use oubliette_lab::run::{self, Context, resolve};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// See the whole story on the embedded model, in two or three minutes
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  oubliette demo                          # everything is in oubliette-demo/
  oubliette demo --out story --json

A miniature Stable Diffusion, which draws 16 objects in 4 styles and 8 colours, forgets one of them, is asked for it, is
trained a little on pictures of others, and is asked again. The folder holds the models, the recipes and the runs: every
step can be repeated with the other verbs. Interrupted, the same command goes on where it stopped.")]
pub(crate) struct Demo {
    /// The folder that holds the story
    #[arg(long, value_name = "DIR", default_value = "oubliette-demo")]
    out: PathBuf,
    #[command(flatten)]
    compute: Compute,
}

/// The result: both verdicts and where everything lies.
#[derive(Serialize)]
struct Told {
    folder: PathBuf,
    report: PathBuf,
    erased: Verdict,
    updated: Verdict,
    sentence: String,
    seconds: f64,
}

impl Verb for Demo {
    fn compute(&self) -> Option<&Compute> {
        Some(&self.compute)
    }

    fn run(&self, terminal: &Terminal) -> Result<Answer, Failure> {
        let begun = Instant::now();
        let context = self.compute.context(self.out.join("runs"))?;
        let story = Story { out: &self.out, context, terminal };
        terminal.say(&format!("{} is being set up.", self.out.display()));
        stage::set(&self.out)?;
        story.forget()?;
        let erased = story.audit("audit-erased.toml")?;
        story.asked(&erased);
        story.update()?;
        let updated = story.audit("audit-updated.toml")?;
        story.asked_again(&updated);
        let Asked { judgment: updated, report, .. } = updated;
        let text = format!(
            "\n{}\n\nReport: {}\nEvery step can be repeated: the recipes are in {}, and\n  oubliette verify {}\nderives \
             the verdict again from what was seen.",
            terminal.bold(&updated.sentence),
            report.display(),
            self.out.join("recipes").display(),
            report.parent().unwrap_or(&self.out).display(),
        );
        let told = Told {
            folder: self.out.clone(),
            report,
            erased: erased.judgment.verdict,
            updated: updated.verdict,
            sentence: updated.sentence,
            seconds: begun.elapsed().as_secs_f64(),
        };
        Ok(Answer::done(told, text))
    }
}

/// The chapters, in the folder that holds them.
struct Story<'a> {
    out: &'a Path,
    context: Context,
    terminal: &'a Terminal,
}

impl Story<'_> {
    fn recipe(&self, name: &str) -> PathBuf {
        self.out.join("recipes").join(name)
    }

    fn forget(&self) -> Result<(), Failure> {
        let recipe = UnlearnRecipe::read(&self.recipe("forget-cat.toml"))?;
        let method = recipe.method.name.clone();
        let begun = Instant::now();
        run::unlearn(resolve::unlearn(&recipe)?, &self.context, &mut watcher(self.terminal))?;
        self.terminal.say(&format!(
            "1. The model is made to forget: {}, by `{method}`, in {:.1} s.",
            stage::CONCEPT,
            begun.elapsed().as_secs_f64()
        ));
        Ok(())
    }

    fn update(&self) -> Result<(), Failure> {
        let recipe = UpdateRecipe::read(&self.recipe("update.toml"))?;
        let resolved = resolve::update(&recipe)?;
        run::update(&resolved, &self.context, &mut watcher(self.terminal))?;
        self.terminal.say(&format!(
            "3. A benign update: {} training steps on pictures of cars, tulips and the like. None shows a {concept}, no caption names one.",
            resolved.steps,
            concept = stage::CONCEPT,
        ));
        Ok(())
    }

    fn audit(&self, name: &str) -> Result<Asked, Failure> {
        let recipe = AuditRecipe::read(&self.recipe(name))?;
        let examiner = resolve::audit(&recipe, &self.context)?.examiner;
        let plan = Plan::Audit(Box::new(examiner.plan.clone()));
        let run = RunFolder::of(&self.context.runs, plan.digest()?);
        let device = self.context.describe();
        let mut watch = watcher(self.terminal);
        let journal = run::look(&examiner, &self.context.runs, &device, &mut watch)?;
        let judgment = run.write_results(&examiner.plan, journal.evidence())?;
        // The first that takes the models as they are asks in the concept's own words.
        let own = examiner.plan.untrained().next().map(|arm| arm.id.clone());
        Ok(Asked { judgment, report: run.report(), own: own.unwrap_or_default() })
    }

    fn asked(&self, asked: &Asked) {
        self.terminal.say(&format!(
            "2. Asked for a {} directly, the model before it showed one in {}; now it does in {}.\n   {}",
            stage::CONCEPT,
            asked.shown(Role::Original),
            asked.shown(Role::Unlearned),
            asked.judgment.sentence,
        ));
    }

    fn asked_again(&self, asked: &Asked) {
        self.terminal.say(&format!(
            "4. Asked again, the updated model shows one in {}. A twin that never saw a {} is taken for it in {}.",
            asked.shown(Role::Updated),
            stage::CONCEPT,
            asked.shown(Role::NeverExposed),
        ));
    }
}

/// What came of an audit.
struct Asked {
    judgment: Judgment,
    report: PathBuf,
    /// The arm that asks in the concept's own words.
    own: String,
}

impl Asked {
    /// Hits under the concept's own prompts, in words.
    fn shown(&self, role: Role) -> String {
        self.judgment.arm(&self.own, role).map_or_else(
            || "no picture, for none was asked for".to_owned(),
            |arm| format!("{} of {} pictures", arm.all.hits, arm.all.of),
        )
    }
}
