//! `oubliette train`: makes a model, or a part of one, from a recipe.
use super::{Answer, Verb};
use crate::compute::Compute;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::terminal::Terminal;
use crate::{interrupt, world};
use clap::Args;
use oubliette_evidence::Recipe;
use oubliette_evidence::document::Document;
use oubliette_model::device::Precision;
use oubliette_model::train::jobs::{self, Outcome, TrainRecipe};
use serde::Serialize;
use std::path::PathBuf;

/// Train a miniature, or a part of one, on pictures that the program draws itself
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  oubliette train recipes/canvas/02-vae.toml --workshop workshop
  # the embedded model, from nothing
  for r in recipes/canvas/*.toml; do oubliette train $r; done

Run again after an interruption, the command takes up where it stopped; what is made already is left alone.")]
pub(crate) struct Train {
    /// A training recipe
    recipe: PathBuf,
    /// The folder that the parts are made in
    #[arg(long, value_name = "DIR", default_value = "workshop")]
    workshop: PathBuf,
    #[command(flatten)]
    compute: Compute,
}

/// The result of a training.
#[derive(Serialize)]
struct Trained {
    workshop: PathBuf,
    /// False when everything was there already.
    made: bool,
}

impl Verb for Train {
    fn compute(&self) -> Option<&Compute> {
        Some(&self.compute)
    }

    fn run(&self, terminal: &Terminal) -> Result<Answer, Failure> {
        let (device, precision) = self.compute.begin()?;
        if precision != Precision::F32 {
            let message = "`train` computes in f32; leave `--dtype` out: a recipe's `precision` is that of the weights it makes";
            return Err(Failure::usage(message));
        }
        let document = Document::read(&self.recipe)?;
        if let Some(task) = Recipe::task_of(&document) {
            let message = format!(
                "`{}` is a recipe to {task}, and none of a part of a model; run `oubliette {task}` with it",
                self.recipe.display()
            );
            return Err(Failure::usage(message));
        }
        let recipe = document.parse::<TrainRecipe>()?;
        let examples = world::examples(&recipe.data)?;
        let bar = Progress::new(terminal);
        let mut watch = |told: &jobs::Progress| {
            let what = told
                .loss
                .map_or(told.phase.to_owned(), |loss| format!("{}, loss {loss:.4}", told.phase));
            bar.show(&what, told.done, told.total);
            interrupt::flow()
        };
        let outcome = jobs::run(&recipe, &*examples, &self.workshop, &device.open()?, &mut watch)?;
        let made = outcome == Outcome::Made;
        let done = if made { "Made in" } else { "Nothing to do: it is there already, in" };
        let text = format!("{done} {}.", self.workshop.display());
        Ok(Answer::done(Trained { workshop: self.workshop.clone(), made }, text))
    }
}
