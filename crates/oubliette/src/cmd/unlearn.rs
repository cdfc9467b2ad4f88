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
  # a setting in a table of the method's
  oubliette unlearn --model models/sd --concept lion.toml --method rece \\
      --set rounds=1 --set uce.lambda=0.5 --out models/sd-without-lion
  oubliette unlearn --model models/sd --concept lion.toml \\
      --concept car.toml --order in-turn --method sculpting \\
      --out models/sd-without-both
  # as an adapter that others lay over their model, and worked in
  oubliette unlearn --model models/sd --concept lion.toml --method esd \\
      --set parts.lora.rank=4 --adapter lion-off --out models/sd-without-lion

Run again after an interruption, the command takes up where it stopped.")]
pub(crate) struct Unlearn {
    /// A recipe with `task = "unlearn"`
    #[arg(conflicts_with_all = ["model", "concept", "order", "method", "set", "out", "adapter", "seed"])]
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
    /// A setting of the method, such as steps=200, or behind.solves=2 in a table; `oubliette show NAME` lists them
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Without a recipe")]
    set: Vec<String>,
    /// The folder that will hold the model that has forgotten
    #[arg(long, value_name = "DIR", help_heading = "Without a recipe")]
    out: Option<PathBuf>,
    /// The folder that will hold the adapter by itself, as diffusers reads it, with `--set parts.lora.rank=4`
    #[arg(long, value_name = "DIR", help_heading = "Without a recipe")]
    adapter: Option<PathBuf>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    adapter: Option<PathBuf>,
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
            for written in resolved.written() {
                run::would_be_free(written, &run, resolved.trainings())?;
            }
            let expected = expected(&Yardstick::of(&resolved.model, &context)?)?;
            return planned::answer(&plan, &run, &expected);
        }
        let watch = Stopwatch::start("unlearn");
        let (out, adapter) = (resolved.out.clone(), resolved.adapter.clone());
        let guided = resolved.stages().any(Stage::is_beside_the_weights);
        let journal = run::unlearn(resolved, &context, &mut watcher(terminal))?;
        let evidence = journal.evidence();
        watch.note(&run)?;
        let text = format!(
            "The model that has forgotten is in {}; the run is in {}.\nWhether it stays forgotten is a question \
             for `oubliette audit`.",
            out.display(),
            run.path().display()
        );
        let text = match &adapter {
            Some(adapter) => format!("{text}\nThe adapter by itself is in {}.", adapter.display()),
            None => text,
        };
        let text = if guided { format!("{text}\n{GUIDED}") } else { text };
        let result = Unlearned {
            model: out,
            adapter,
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

    /// Refuses options that say too little for a recipe, by their names.
    fn refuse_missing(&self) -> Result<(), Failure> {
        let given = [
            ("`--model`", self.model.is_some()),
            ("`--concept`", !self.concept.is_empty()),
            ("`--method`", self.method.is_some()),
            ("`--out`", self.out.is_some()),
        ];
        let missing: Vec<&str> =
            given.iter().filter(|(_, given)| !given).map(|(name, _)| *name).collect();
        match missing.len() {
            0 => Ok(()),
            all if all == given.len() => Err(Failure::usage(
                "nothing says what to do; name a recipe, or give `--model`, `--concept`, `--method` and `--out`",
            )),
            _ => Err(Failure::usage(format!(
                "{} must be given, too; or name a recipe in place of all options",
                missing.join(" and ")
            ))),
        }
    }

    fn document(&self) -> Result<Document, Failure> {
        self.refuse_missing()?;
        let path = |path: &Option<PathBuf>| {
            path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
        };
        let mut method = settings(&self.set)?;
        method.insert("name".into(), self.method.clone().unwrap_or_default().into());
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
        if self.adapter.is_some() {
            recipe.insert("adapter".into(), path(&self.adapter).into());
        }
        recipe.insert("method".into(), method.into());
        // No folder in its name: the paths in it start where the command was typed.
        Ok(Document::new(Path::new("the command line"), recipe.to_string()))
    }
}

/// All settings; a dotted key stands for one in a table.
fn settings(pairs: &[String]) -> Result<Table, Failure> {
    let mut all = Table::new();
    for pair in pairs {
        let (key, value) = setting(pair)?;
        put(&mut all, key, value)
            .map_err(|why| Failure::usage(format!("`--set {pair}`: {why}")))?;
    }
    if all.contains_key("name") {
        return Err(Failure::usage(
            "`--set name=` names no setting; name the method with `--method`",
        ));
    }
    Ok(all)
}

/// `key=value`; the value is read as TOML, and as a text where that fails.
fn setting(pair: &str) -> Result<(&str, Value), Failure> {
    let Some((key, text)) = pair.split_once('=') else {
        return Err(Failure::usage(format!(
            "`--set {pair}` has no value; write `--set KEY=VALUE`"
        )));
    };
    let parsed = toml::from_str::<Table>(&format!("value = {text}"));
    let value = parsed.ok().and_then(|mut table| table.remove("value"));
    Ok((key.trim(), value.unwrap_or_else(|| text.into())))
}

/// Puts a value where a dotted key says.
///
/// # Errors
/// Why it cannot be there, and what to do.
fn put(table: &mut Table, key: &str, value: Value) -> Result<(), String> {
    let (first, rest) = match key.split_once('.') {
        Some((first, rest)) => (first.trim(), Some(rest)),
        None => (key.trim(), None),
    };
    if first.is_empty() {
        return Err("a part of the key is empty; write `KEY=VALUE` or `TABLE.KEY=VALUE`".to_owned());
    }
    match rest {
        None if table.contains_key(first) => Err(format!("`{first}` is set twice; set it once")),
        None => {
            table.insert(first.to_owned(), value);
            Ok(())
        }
        Some(rest) => match table.entry(first).or_insert_with(|| Table::new().into()) {
            Value::Table(inner) => put(inner, rest, value),
            _ => Err(format!("`{first}` is set to something that is no table; leave that out")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[&str]) -> Result<Table, String> {
        let pairs: Vec<String> = pairs.iter().map(|&pair| pair.to_owned()).collect();
        settings(&pairs).map_err(|failure| failure.message)
    }

    #[test]
    fn a_dotted_key_is_one_of_a_table() {
        let read = read(&["steps=2", "behind.steps=[1, 2]", "behind.kind=adam", "tokens=all"]);
        let wanted = "steps = 2\ntokens = \"all\"\n[behind]\nsteps = [1, 2]\nkind = \"adam\"\n";
        assert_eq!(read.unwrap(), wanted.parse::<Table>().unwrap());
    }

    #[test]
    fn what_cannot_be_set_is_refused_by_its_name() {
        for (pairs, says) in [
            (&["steps=2", "steps=3"][..], "`steps` is set twice"),
            (&["behind={ steps = 1 }", "behind.steps=2"][..], "`steps` is set twice"),
            (&["behind.steps=2", "behind={}"][..], "`behind` is set twice"),
            (&["steps=2", "steps.behind=3"][..], "no table"),
            (&["steps"][..], "has no value"),
            (&["=2"][..], "is empty"),
            (&["behind.=2"][..], "is empty"),
            (&["name=uce"][..], "`--method`"),
        ] {
            let refused = read(pairs).unwrap_err();
            assert!(refused.contains(says) && refused.contains("; "), "{says}: {refused}");
        }
    }
}
