//! `oubliette unlearn`: makes a model forget a concept.
use super::running::{Running, Stopwatch, watcher};
use super::{Answer, Verb, planned};
use crate::compute::Compute;
use crate::expect::Yardstick;
use crate::failure::Failure;
use crate::terminal::Terminal;
use clap::Args;
use oubliette_evidence::Plan;
use oubliette_evidence::document::Document;
use oubliette_evidence::folder::RunFolder;
use oubliette_evidence::recipe::UnlearnRecipe;
use oubliette_evidence::several::Several;
use oubliette_lab::methods::Stage;
use oubliette_lab::run::{self, resolve};
use serde::Serialize;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Make a model forget a concept
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  oubliette unlearn forget-lion.toml
  oubliette unlearn forget-lion.toml --dry-run  # the plan, memory and time
  oubliette unlearn --model models/sd --concept lion.toml --method uce \\
      --out models/sd-without-lion
  oubliette unlearn --model models/sd --concept lion.toml --method esd \\
      --set variant=u --set steps=200 --out models/sd-without-lion
  oubliette unlearn --model models/sd --concept lion.toml \\
      --concept car.toml --order in-turn --method sculpting \\
      --out models/sd-without-both

Run again after an interruption, the command takes up where it stopped.")]
pub(crate) struct Unlearn {
    /// A recipe with `task = "unlearn"`
    #[arg(conflicts_with_all = ["model", "concept", "order", "method", "set", "out", "seed"],
          required_unless_present_all = ["model", "concept", "method", "out"])]
    recipe: Option<PathBuf>,
    /// The folder of the model that is to forget
    #[arg(long, value_name = "DIR", help_heading = "Without a recipe")]
    model: Option<PathBuf>,
    /// The concept's file; given several times, several concepts
    #[arg(long, value_name = "FILE", help_heading = "Without a recipe")]
    concept: Vec<PathBuf>,
    /// Several concepts: all at once, one after another, or each by itself and merged [default: together]
    #[arg(long, value_name = "together|in-turn|merged", help_heading = "Without a recipe")]
    order: Option<String>,
    /// The method; `oubliette list methods` names them
    #[arg(long, value_name = "NAME", help_heading = "Without a recipe")]
    method: Option<String>,
    /// A setting of the method; `oubliette show NAME` lists them
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Without a recipe")]
    set: Vec<String>,
    /// The folder that will hold the model that has forgotten
    #[arg(long, value_name = "DIR", help_heading = "Without a recipe")]
    out: Option<PathBuf>,
    /// Every random choice follows from it [default: 0]
    #[arg(long, value_name = "N", help_heading = "Without a recipe")]
    seed: Option<u64>,
    #[command(flatten)]
    running: Running,
}

/// What is said of methods that change no weight.
const GUIDED: &str = "Its weights are the original's: what its folder carries beside them suppresses the concept, and only for programs \
                      that follow it.";

/// The result of an unlearning.
#[derive(Serialize)]
struct Unlearned {
    model: PathBuf,
    run: PathBuf,
    plan_digest: String,
    evidence_digest: String,
}

impl Verb for Unlearn {
    fn compute(&self) -> Option<&Compute> {
        Some(&self.running.compute)
    }

    fn run(&self, terminal: &Terminal) -> Result<Answer, Failure> {
        let context = self.running.context()?;
        let resolved = resolve::unlearn(&self.recipe()?)?;
        let plan = Plan::Unlearn(Box::new(resolved.plan.clone()));
        let run = RunFolder::of(&self.running.runs, plan.digest()?);
        let expected = |yardstick: &Yardstick| yardstick.turns(&resolved.turns);
        let context = self.running.fitted(context, &resolved.model, terminal, expected)?;
        if self.running.dry_run {
            let expected = expected(&Yardstick::of(&resolved.model, &context)?)?;
            return planned::answer(&plan, &run, &expected);
        }
        let watch = Stopwatch::start("unlearn");
        let out = resolved.out.clone();
        let guided = resolved.stages().any(Stage::is_beside_the_weights);
        let journal = run::unlearn(resolved, &context, &mut watcher(terminal))?;
        let evidence = journal.evidence();
        journal.write("evidence.json", &evidence.to_text()?)?;
        watch.note(&run)?;
        let text = format!(
            "The model that has forgotten is in {}; the run is in {}.\nWhether it stays forgotten is a question \
             for `oubliette audit`.",
            out.display(),
            run.path().display()
        );
        let text = if guided { format!("{text}\n{GUIDED}") } else { text };
        let result = Unlearned {
            model: out,
            run: run.path().to_owned(),
            plan_digest: plan.digest()?.to_string(),
            evidence_digest: evidence.digest()?.to_string(),
        };
        Ok(Answer::done(result, text))
    }
}

impl Unlearn {
    /// The recipe: read, or written from the options.
    fn recipe(&self) -> Result<UnlearnRecipe, Failure> {
        match &self.recipe {
            Some(file) => Ok(UnlearnRecipe::read(file)?),
            None => Ok(UnlearnRecipe::parse(&self.document()?)?),
        }
    }

    fn document(&self) -> Result<Document, Failure> {
        let path = |path: &Option<PathBuf>| {
            path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
        };
        let mut method = Table::new();
        method.insert("name".into(), self.method.clone().unwrap_or_default().into());
        for pair in &self.set {
            let (key, value) = setting(pair)?;
            method.insert(key, value);
        }
        let mut recipe = Table::new();
        recipe.insert("schema".into(), Value::Integer(1));
        recipe.insert("task".into(), "unlearn".into());
        recipe.insert("seed".into(), Value::Integer(self.seed.unwrap_or(0).cast_signed()));
        recipe.insert("model".into(), path(&self.model).into());
        let concepts: Vec<String> =
            self.concept.iter().map(|file| file.display().to_string()).collect();
        recipe.insert("concept".into(), Value::try_from(Several::of(concepts)).expect("texts"));
        if let Some(order) = &self.order {
            recipe.insert("order".into(), order.clone().into());
        }
        recipe.insert("out".into(), path(&self.out).into());
        recipe.insert("method".into(), method.into());
        // No folder in its name: the paths in it start where the command was typed.
        Ok(Document::new(Path::new("the command line"), recipe.to_string()))
    }
}

/// `key=value`; the value is read as TOML, and as a text where that fails.
fn setting(pair: &str) -> Result<(String, Value), Failure> {
    let Some((key, value)) = pair.split_once('=') else {
        return Err(Failure::usage(format!(
            "`--set {pair}` has no value; write `--set KEY=VALUE`"
        )));
    };
    let parsed = toml::from_str::<Table>(&format!("value = {value}"));
    let value = parsed.ok().and_then(|mut table| table.remove("value"));
    let text = pair.split_once('=').map_or("", |(_, text)| text);
    Ok((key.trim().to_owned(), value.unwrap_or_else(|| text.into())))
}
