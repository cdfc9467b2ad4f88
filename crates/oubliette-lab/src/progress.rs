//! How far a run is; whoever watches may ask it to stop.

use std::ops::ControlFlow;

use crate::{Error, Result};

/// What a watcher is told. It carries no time: clocks are the caller's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress<'a> {
    /// What is being done, for people: `finetune/full-1e-4-near, unlearned`.
    pub unit: &'a str,
    /// Units done of this piece of work.
    pub done: u64,
    /// Units it has.
    pub total: u64,
    /// The training loss, where there is one.
    pub loss: Option<f64>,
}

/// Told after every unit; [`ControlFlow::Break`] stops the run between units, with everything done kept.
pub type Watch<'a> = dyn FnMut(Progress<'_>) -> ControlFlow<()> + 'a;

/// Tells the watcher, and turns its wish to stop into the error that unwinds the run.
///
/// # Errors
/// [`Error::Interrupted`] when the watcher breaks.
pub fn tell(watch: &mut Watch<'_>, progress: Progress<'_>) -> Result<()> {
    match watch(progress) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => {
            Err(Error::Interrupted { done: progress.done, total: progress.total })
        }
    }
}

/// A watcher that sees nothing and never stops.
pub fn unwatched() -> impl FnMut(Progress<'_>) -> ControlFlow<()> {
    |_| ControlFlow::Continue(())
}
