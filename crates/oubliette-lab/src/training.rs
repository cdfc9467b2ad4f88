//! One training stage: sources, objectives, combiner, mask and wrappers turned into steps that can be taken up again.

mod check;
mod cost;
mod divergence;
pub(crate) mod extra;
mod low_rank;
mod optimiser;
mod oracle;
mod place;
mod ruin;
mod stage;
mod state;
mod step;

pub use low_rank::LowRank;
pub use optimiser::{Optimiser, Rate};
pub use place::Place;
pub use stage::{Relearn, Train, Until, Weighted};

use std::cell::RefCell;

use oubliette_evidence::Concept;
use oubliette_model::{Weights, families::StableDiffusion, lora::Lora};

use crate::{
    Drawn, Error, Result, Study,
    lot::Lot,
    progress::{Progress, Watch, tell},
};
use ruin::{Ruin, ruined};
use stage::Phase;
use state::State;
use step::Stepper;

/// What a stage starts from.
pub struct Job<'a> {
    /// Architecture, tokenizer, schedule.
    pub sd: &'a StableDiffusion,
    /// The teacher: the weights before anything was changed.
    pub original: &'a Weights,
    /// The concepts that are to be forgotten; none in a benign update.
    pub concepts: &'a [Concept],
    /// An adapter over the weights that the stage starts from, trained in place of them.
    pub adapter: Option<&'a Lora>,
    /// All randomness of the stage.
    pub lot: Lot,
    /// What the stage is called in progress.
    pub unit: &'a str,
    /// What the teacher drew for other runs, to be used again.
    pub drawn: Option<&'a Drawn>,
}

/// How a stage ended.
pub struct Trained {
    /// The weights that moved (with an adapter: the adapter's own).
    pub weights: Weights,
    /// Steps in which they moved.
    pub steps: u64,
    /// The mean loss of the last steps, as many as lie between two checkpoints.
    pub loss: Option<f64>,
}

/// The refusal of a training whose first loss is no number: of weights that have not moved yet, so that no learning rate is to blame.
fn never_finite(job: &Job<'_>, loss: f64) -> Error {
    Error::Input {
        file: format!("`{}`", job.sd.folder().display()),
        thing: format!(
            "the loss of `{}` is {loss} before any weight moved: the model itself makes no finite numbers, or a loss is weighed beyond them",
            job.unit
        ),
        remedy: "take another model, `--dtype f32` where a shorter format was asked for, or settings nearer to the usual ones".to_owned(),
    }
}

/// Runs the stage to its last step, from its checkpoint where there is one.
///
/// # Errors
/// [`Error::Diverged`](crate::Error::Diverged) before anything of that step is kept; interruption; a full disk.
pub fn train(
    stage: &mut Train,
    job: &Job<'_>,
    start: &Weights,
    place: &Place,
    watch: &mut Watch<'_>,
) -> Result<Trained> {
    let mut state = State::begin(stage, job, start)?;
    state.resume(stage, place)?;
    let watch = RefCell::new(watch);
    let told = |progress: Progress<'_>| tell(*watch.borrow_mut(), progress);
    let adapted = job.adapter.map(|adapter| (adapter, start));
    let study = Study::new(job.sd, job.original, adapted, &state.names, start)
        .remembering(job.drawn)
        .watched(&told);
    stage.mask.begin(&study, start)?;
    stage.expect();
    let stepper = Stepper::new(&study, job.concepts, &job.lot);
    let mut ruin = Ruin::new(&study, job.concepts, job.lot.child("ruin"));
    let total = stage.total();
    while state.step < total && !state.is_enough(stage) {
        let loss = match stage.phase(state.step) {
            Phase::Anchor => stepper.anchor(stage, &mut state)?,
            Phase::Survey => stepper.survey(stage, &mut state)?,
            Phase::Train => {
                let (forget, retain) = stepper.train(stage, &mut state)?;
                if !state.has_seen() && !(forget + retain).is_finite() {
                    return Err(never_finite(job, forget + retain));
                }
                state.seen(stage, forget, retain)?;
                Some(forget + retain)
            }
        };
        let last = state.step == total || state.is_enough(stage);
        if loss.is_some()
            && Ruin::is_due(stage, &state, last)
            && let Some(moved) = ruin.look(&state.drawing())?
        {
            if let Some(what) = ruined(moved, state.moved, last) {
                return Err(state.diverged(stage, what));
            }
            state.moved = Some(moved);
        }
        let told = told(Progress { unit: job.unit, done: state.step, total, loss });
        // Who is asked to stop may have hours behind it since the last checkpoint.
        if last || told.is_err() || state.step.is_multiple_of(place.every.max(1)) {
            state.save(stage, place, last)?;
        }
        told?;
    }
    let steps = state.step - stage.looked();
    Ok(Trained { steps, loss: state.recent(place.every), weights: state.result() })
}
