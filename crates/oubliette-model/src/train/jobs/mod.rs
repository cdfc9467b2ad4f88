//! Making models from scratch: one job a file, one line each in the list.
//!
//! A job reads a [`TrainRecipe`] and numbered [`Examples`] and makes one folder of a *workshop*: `tokenizer`, `clip`,
//! `vae`, `unet`, a classifier, or a whole pipeline put together from them. A job that was interrupted goes on where its
//! last checkpoint stands; one whose folder is there already has nothing to do.

mod classifier;
mod clip;
mod examples;
mod pipeline;
mod recipe;
mod training;
mod unet;
mod vae;
mod vocabulary;
mod workshop;

use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::Device;

pub use examples::{Example, Examples};
pub use recipe::{Data, Pace, TrainRecipe, Uses};
use workshop::Workshop;

use crate::error::{Error, Result};
use crate::store::Lock;

/// One kind of training.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The name in recipes.
    pub name: &'static str,
    /// One sentence for lists.
    pub about: &'static str,
    run: fn(&mut Workshop<'_>) -> Result<()>,
}

/// Every kind of training, by name.
pub const ALL: &[Entry] =
    &[classifier::ENTRY, clip::ENTRY, pipeline::ENTRY, vocabulary::ENTRY, unet::ENTRY, vae::ENTRY];

/// How far a job is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What it is doing.
    pub phase: &'static str,
    /// Units done.
    pub done: u64,
    /// Units in all.
    pub total: u64,
    /// The loss, averaged over the last steps, where one is computed.
    pub loss: Option<f64>,
}

/// Whether there was something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The folder was made.
    Made,
    /// The folder was there already.
    Present,
}

/// Does what a recipe says, in the folder `workshop`. `report` is told about progress and may stop the job.
///
/// # Errors
/// The recipe cannot be used; a folder that it builds on is missing; an example cannot be read; the training diverges;
/// the result cannot be written, or another process makes it; or `report` stopped the job ([`Error::Interrupted`]).
pub fn run(
    recipe: &TrainRecipe,
    examples: &dyn Examples,
    workshop: &Path,
    device: &Device,
    report: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Outcome> {
    recipe.check()?;
    let entry = find(&recipe.job)?;
    let mut shop = Workshop::new(recipe, examples, workshop, device, report)?;
    let _lock = Lock::beside(&shop.checkpoint())?;
    if shop.destination().exists() {
        return Ok(Outcome::Present);
    }
    (entry.run)(&mut shop)?;
    shop.clear()?;
    Ok(Outcome::Made)
}

/// The job of that name.
///
/// # Errors
/// There is none.
pub fn find(name: &str) -> Result<&'static Entry> {
    ALL.iter().find(|entry| entry.name == name).ok_or_else(|| {
        let names: Vec<_> = ALL.iter().map(|entry| entry.name).collect();
        Error::setting("job", format!("is `{name}`"), format!("choose {}", names.join(", ")))
    })
}
