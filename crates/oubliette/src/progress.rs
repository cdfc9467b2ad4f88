//! A bar with the time left, for work longer than two seconds and only where somebody watches.
use crate::terminal::Terminal;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use oubliette_evidence::harmless;
use std::cell::OnceCell;
use std::time::{Duration, Instant};

/// Work shorter than this shows no bar.
const PATIENCE: Duration = Duration::from_secs(2);

/// The progress of one piece of work.
pub(crate) struct Progress {
    watched: bool,
    begun: Instant,
    bar: OnceCell<ProgressBar>,
}

impl Progress {
    /// Begins to measure; nothing is drawn yet.
    pub(crate) fn new(terminal: &Terminal) -> Progress {
        Progress { watched: terminal.watched(), begun: Instant::now(), bar: OnceCell::new() }
    }

    /// `done` of `total` units are finished; `what` says which work that is.
    pub(crate) fn show(&self, what: &str, done: u64, total: u64) {
        if !self.watched || self.begun.elapsed() < PATIENCE {
            return;
        }
        let what = harmless::line(what);
        let bar = self.bar.get_or_init(|| drawn(self.begun));
        // Another piece of work; `what` alone may change from step to step.
        let other = bar.length() != Some(total) || done < bar.position();
        if other {
            bar.set_length(total);
        }
        if bar.message() != what {
            bar.set_message(what);
        }
        bar.set_position(done);
        if other {
            // What was done before, by the run that this one takes up, or while nobody watched, says nothing about the time left.
            bar.reset_eta();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}

fn drawn(begun: Instant) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:24!} {wide_bar} {pos}/{len}  {eta} left")
        .expect("the template is constant and checked by a test");
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        .with_style(style)
        .with_elapsed(begun.elapsed())
}
