//! How long the cells that are left will take, by those that were run.
use indicatif::HumanDuration;
use std::time::Instant;

/// Cells that were run, and since when.
pub(crate) struct Pace {
    begun: Instant,
    done: u32,
}

impl Pace {
    pub(crate) fn start() -> Pace {
        Pace { begun: Instant::now(), done: 0 }
    }

    /// One more is done.
    pub(crate) fn step(&mut self) {
        self.done += 1;
    }

    /// In words: how many are open, and about how long they take.
    pub(crate) fn left(&self, open: usize) -> String {
        match self.done {
            0 => format!("{open} to do"),
            done => {
                let left = self.begun.elapsed().div_f64(f64::from(done)).mul_f64(open as f64);
                format!("{open} to do, about {} left", HumanDuration(left))
            }
        }
    }
}
