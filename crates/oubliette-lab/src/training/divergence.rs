//! Notices a training that has left the numbers that mean anything, before anything is written.

use crate::{Error, Result};

/// Losses that are looked back on.
const WINDOW: usize = 20;
/// A mean loss this many times the first one is a model that is being destroyed.
const EXPLODED: f64 = 100.0;

/// The losses seen so far, as much as is needed of them.
#[derive(Debug, Default)]
pub(super) struct Divergence {
    first: Vec<f64>,
    last: Vec<f64>,
}

impl Divergence {
    /// Takes in the loss of one step (counted from 1).
    pub(super) fn check(&mut self, step: u64, loss: f64, learning_rate: f64) -> Result<()> {
        let what = if !loss.is_finite() {
            Some(format!("the loss is {loss}"))
        } else {
            self.exploded(loss)
        };
        match what {
            None => Ok(()),
            Some(what) => {
                let losses: Vec<_> = self.last.iter().map(|loss| format!("{loss:.4}")).collect();
                let losses = losses.join(", ");
                Err(Error::Diverged { step, what, losses, learning_rate })
            }
        }
    }

    fn exploded(&mut self, loss: f64) -> Option<String> {
        if self.first.len() < WINDOW {
            self.first.push(loss.abs());
        }
        self.last.push(loss.abs());
        if self.last.len() > WINDOW {
            self.last.remove(0);
        }
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
        let (began, now) = (mean(&self.first), mean(&self.last));
        let grown = self.last.len() == WINDOW && now > EXPLODED * (1.0 + began);
        grown.then(|| format!("the mean loss grew from {began:.4} to {now:.4}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_stops_at_once_and_growth_after_a_while() {
        let mut losses = Divergence::default();
        assert!(losses.check(1, 0.5, 1e-5).is_ok());
        let message = losses.check(2, f64::NAN, 1e-5).unwrap_err().to_string();
        assert!(message.contains("step 2") && message.contains("0.5000"), "{message}");

        let mut losses = Divergence::default();
        let stops = (1..200u32)
            .find(|&step| losses.check(step.into(), 0.1 * 1.2f64.powi(step as i32), 1e-2).is_err());
        assert!(stops.is_some_and(|step| step > 20));
    }
}
