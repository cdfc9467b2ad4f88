//! Notices a training that has left the numbers that mean anything, before anything is written.

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
    /// Takes in the loss of one step; what is wrong with it, if anything is.
    pub(super) fn check(&mut self, loss: f64) -> Option<String> {
        if !loss.is_finite() {
            return Some(format!("the loss is {loss}"));
        }
        self.exploded(loss)
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
        assert_eq!(losses.check(0.5), None);
        assert!(losses.check(f64::NAN).is_some_and(|what| what.contains("NaN")));

        let mut losses = Divergence::default();
        let stops = (1..200).find(|&step| losses.check(0.1 * 1.2f64.powi(step)).is_some());
        assert!(stops.is_some_and(|step| step > 20));
    }
}
