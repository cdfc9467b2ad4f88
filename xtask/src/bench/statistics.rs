//! Medians, spread and ratios of interleaved pairs.

use anyhow::{Result, bail};
use oubliette_evidence::stats::mean_interval;

/// Seconds of ours and theirs, pair by pair.
#[derive(Default)]
pub(crate) struct Pairs {
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

impl Pairs {
    /// Adds what was measured one after the other.
    pub(crate) fn push(&mut self, ours: f64, theirs: f64) {
        self.ours.push(ours);
        self.theirs.push(theirs);
    }

    /// Median seconds of ours and theirs.
    pub(crate) fn medians(&self) -> [f64; 2] {
        [quantile(&self.ours, 0.5), quantile(&self.theirs, 0.5)]
    }

    /// The median of the pairs' ratios with the quartiles around it.
    pub(crate) fn ratio(&self) -> [f64; 3] {
        let ratios: Vec<f64> =
            self.ours.iter().zip(&self.theirs).map(|(ours, theirs)| ours / theirs).collect();
        spread(&ratios)
    }

    /// How many pairs there are.
    pub(crate) fn len(&self) -> usize {
        self.ours.len()
    }
}

/// The median between the quartiles.
pub(crate) fn spread(values: &[f64]) -> [f64; 3] {
    [0.25, 0.5, 0.75].map(|share| quantile(values, share))
}

/// The mean of `values` in the middle of its 90 % interval; absent below 2 values, and where all are the same.
pub(crate) fn difference(values: &[f64]) -> Option<[f64; 3]> {
    let found = mean_interval(values, 0.1)?;
    Some([found.low, found.value, found.high])
}

/// The value below which `share` of the values lie, with linear interpolation.
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (high - low) * place.fract()
}

/// The largest difference over the largest value.
pub(crate) fn disagreement(ours: &[f64], theirs: &[f64]) -> Result<f64> {
    if ours.len() != theirs.len() || ours.is_empty() {
        bail!("{} and {} numbers to compare", ours.len(), theirs.len());
    }
    let largest = theirs.iter().fold(f64::MIN_POSITIVE, |most, value| most.max(value.abs()));
    let worst = ours.iter().zip(theirs).map(|(ours, theirs)| (ours - theirs).abs());
    // A NaN on either side must not pass for agreement.
    Ok(worst.fold(0.0, |most, value| if value.is_nan() { f64::INFINITY } else { most.max(value) })
        / largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_the_values() {
        let mut pairs = Pairs::default();
        [1.0, 2.0, 3.0, 4.0].into_iter().for_each(|ours| pairs.push(ours, 2.0));
        assert_eq!(pairs.ratio(), [0.875, 1.25, 1.625]);
        assert_eq!(pairs.medians(), [2.5, 2.0]);
    }

    #[test]
    fn what_is_not_a_number_never_agrees() {
        assert_eq!(disagreement(&[f64::NAN], &[1.0]).unwrap(), f64::INFINITY);
        assert_eq!(disagreement(&[1.5, 2.0], &[1.0, 2.0]).unwrap(), 0.25);
        assert!(disagreement(&[1.0], &[1.0, 2.0]).is_err());
    }
}
