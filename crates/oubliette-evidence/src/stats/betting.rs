//! Bounds of the mean of numbers in 0 to 1, by betting (Waudby-Smith and Ramdas 2024, "Estimating
//! means of bounded random variables by betting", one-sided capital process with predictable
//! plug-in stakes for a fixed number of samples). No shape of the distribution is assumed.

/// Largest part of the capital that is staked: below 1, so that no outcome ruins the player.
const STAKE: f64 = 0.9;

/// The lower bound of the mean of `values` (each in 0 to 1, in the order they were drawn) at error
/// rate `alpha`. 0 when there are none.
pub fn mean_lower(values: &[f64], alpha: f64) -> f64 {
    let stakes = stakes(values, alpha);
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        match rich(values, &stakes, middle, alpha) {
            true => low = middle, // a mean this small would not have made the player so rich
            false => high = middle,
        }
    }
    low
}

/// The upper bound of the mean of `values`; see [`mean_lower`].
pub fn mean_upper(values: &[f64], alpha: f64) -> f64 {
    let mirrored: Vec<f64> = values.iter().map(|value| 1.0 - value).collect();
    1.0 - mean_lower(&mirrored, alpha)
}

/// Whether a player who bets that the mean is above `mean` ever multiplies the capital by 1 / alpha.
fn rich(values: &[f64], stakes: &[f64], mean: f64, alpha: f64) -> bool {
    let mut capital = 1.0;
    values.iter().zip(stakes).any(|(value, stake)| {
        capital *= 1.0 + stake.min(STAKE / mean) * (value - mean);
        capital >= 1.0 / alpha
    })
}

/// What is staked on each value, from the values before it: the square root of
/// 2 log(1 / alpha) / (n variance), with one imagined value of mean 1/2 and variance 1/4 to begin.
fn stakes(values: &[f64], alpha: f64) -> Vec<f64> {
    let weight = 2.0 * libm::log(1.0 / alpha) / values.len() as f64;
    let (mut sum, mut squares, mut count) = (0.5, 0.25, 1.0);
    let mut stakes = Vec::with_capacity(values.len());
    for value in values {
        stakes.push((weight * count / squares).sqrt());
        (sum, count) = (sum + value, count + 1.0);
        let mean: f64 = sum / count;
        squares += (value - mean) * (value - mean);
    }
    stakes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_seen_says_nothing() {
        assert_eq!(mean_lower(&[], 0.05), 0.0);
        assert_eq!(mean_upper(&[], 0.05), 1.0);
    }

    #[test]
    fn constant_values_are_bracketed_closely() {
        let values = [0.5; 200];
        let (low, high) = (mean_lower(&values, 0.05), mean_upper(&values, 0.05));
        assert!(low < 0.5 && 0.5 < high && high - low < 0.03, "{low} {high}");
    }
}
