//! What is shown in training: noisy latents, their timesteps and their prompts.

mod focus;
mod pictures;
mod prompts;
mod trajectory;

pub use focus::Focus;
pub use pictures::Pictures;
pub use prompts::{Prompts, Solver};
pub use trajectory::{Trajectory, Whose};

use std::path::Path;

use burn::tensor::Tensor;
use oubliette_evidence::{Concept, prompt::MAX_GUIDANCE};
use oubliette_model::Weights;
use serde::{Serialize, de::DeserializeOwned};

use super::Stateful;
use crate::{Error, List, Make, Result, Study, describe::Describe, lot::Lot};

/// The rows that the losses of one step look at.
#[derive(Clone)]
pub struct Batch {
    /// Noisy latents, (batch, channels, height, width).
    pub latents: Tensor<4>,
    /// Their timesteps on the training schedule, (batch), in f32.
    pub timesteps: Tensor<1>,
    /// The text each row is seen under.
    pub prompts: Vec<String>,
    /// What the model should predict where pictures were noised: noise, v or sample.
    pub target: Option<Tensor<4>>,
    /// What the original predicts for these rows, where the source has seen it on its way.
    pub seen: Option<Seen>,
}

/// The original's predictions, each of the latents' shape.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Under the rows' prompts.
    pub under: Tensor<4>,
    /// Under the empty prompt.
    pub empty: Tensor<4>,
}

impl Batch {
    /// One row by itself.
    pub fn row(&self, row: usize) -> Self {
        let only = |x: &Tensor<4>| x.clone().narrow(0, row, 1);
        Self {
            latents: only(&self.latents),
            timesteps: self.timesteps.clone().narrow(0, row, 1),
            prompts: vec![self.prompts[row].clone()],
            target: self.target.as_ref().map(only),
            seen: self
                .seen
                .as_ref()
                .map(|seen| Seen { under: only(&seen.under), empty: only(&seen.empty) }),
        }
    }
}

/// What a source costs, in forwards of one row of the denoiser.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Drawing {
    /// Before the first step.
    pub before: f64,
    /// In every step, on average.
    pub a_step: f64,
}

/// Makes one batch a step.
pub trait Source: Stateful + Describe {
    /// Whether its rows are noised pictures, of which it is known what the model should predict.
    fn is_pictured(&self) -> bool {
        false
    }

    /// Rows of a step.
    fn rows(&self) -> usize;

    /// Refuses settings with which it has nothing to show, before anything is loaded.
    ///
    /// # Errors
    /// The first such setting.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The folder of pictures that it reads, where it reads one. A plan has the digest of what lies there, not the place.
    fn folder(&self) -> Option<&Path> {
        None
    }

    /// What drawing costs where it is looked at in `steps` steps.
    fn drawing(&self, _steps: u64) -> Drawing {
        Drawing::default()
    }

    /// Told before the first step which will look at it, in order, so that what is made ready is what they look at.
    fn expect(&mut self, _steps: Vec<u64>) {}

    /// The batch of step `step`; all that is random in it comes from `lot`.
    ///
    /// # Errors
    /// When files cannot be read or the model fails.
    fn batch(
        &mut self,
        study: &Study<'_>,
        concepts: &[Concept],
        student: &Weights,
        step: u64,
        lot: &Lot,
    ) -> Result<Batch>;
}

/// Most steps of a sampling.
const MOST_STEPS: u32 = 1000;

/// What sources have in common: rows, and a sampling that leads somewhere.
fn check_rows(batch: usize) -> Result<()> {
    match batch {
        0 => Err(Error::in_method("`batch` is 0", "show one row a step at least")),
        _ => Ok(()),
    }
}

fn check_sampling(steps: u32, guidance: f64) -> Result<()> {
    if !(1..=MOST_STEPS).contains(&steps) {
        let thing = format!("its pictures would be drawn in {steps} steps");
        let remedy = format!(
            "draw in 1 to {MOST_STEPS} steps (`sampling_steps` of a method, `steps` of a source)"
        );
        return Err(Error::in_method(&thing, &remedy));
    }
    if !(-MAX_GUIDANCE..=MAX_GUIDANCE).contains(&guidance) {
        let thing = format!("a `guidance` of {guidance} leads nowhere");
        return Err(Error::in_method(
            &thing,
            &format!("choose a number between -{MAX_GUIDANCE} and {MAX_GUIDANCE}"),
        ));
    }
    Ok(())
}

impl<S: Source + Serialize + DeserializeOwned + 'static> Make<dyn Source> for S {
    fn boxed(self) -> Box<dyn Source> {
        Box::new(self)
    }
}

/// All sources.
pub const SOURCES: List<dyn Source> =
    List { what: "source", all: &[pictures::ENTRY, prompts::ENTRY, trajectory::ENTRY] };
