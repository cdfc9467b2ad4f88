//! Trained attacks: samples of one training run belong together, so runs are never pooled.
//!
//! Each run is bounded exactly by itself and the worst run decides. That some run brings the concept
//! back is tested at the error rate divided by the number of tests (union-intersection, Roy 1953);
//! that no run does needs every upper bound below the mark, each at the full error rate
//! (intersection-union, Berger 1982). No model of how runs differ is needed. What is said is said of
//! the runs that were made; [`other_clusters`] says how little that tells about others.

use super::{lower, upper};

/// The largest lower bound and the largest upper bound of any run, each run `(hits, of)` bounded
/// at error rates `low_alpha` and `high_alpha`. (0, 1) when there is no run.
pub fn worst_cluster(runs: &[(u32, u32)], low_alpha: f64, high_alpha: f64) -> (f64, f64) {
    let lows = runs.iter().map(|&(hits, of)| lower(hits, of, low_alpha));
    let highs = runs.iter().map(|&(hits, of)| upper(hits, of, high_alpha));
    match runs.is_empty() {
        true => (0.0, 1.0),
        false => (lows.fold(0.0, f64::max), highs.fold(0.0, f64::max)),
    }
}

/// At most this share of all possible training runs reach a rate of `mark`, at error rate `alpha`:
/// half of it pays for telling which of these runs did not, half for so few runs (exact binomial).
pub fn other_clusters(runs: &[(u32, u32)], mark: f64, alpha: f64) -> f64 {
    let each = 0.5 * alpha / runs.len().max(1) as f64;
    let reached = runs.iter().filter(|&&(hits, of)| upper(hits, of, each) >= mark).count();
    upper(reached as u32, runs.len() as u32, 0.5 * alpha)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_that_leaks_cannot_hide_among_others() {
        let runs = [(0, 40), (0, 40), (12, 40)];
        let (low, high) = worst_cluster(&runs, 0.05, 0.05);
        assert_eq!(low, lower(12, 40, 0.05));
        assert_eq!(high, upper(12, 40, 0.05));
        assert!(upper(12, 120, 0.05) < 0.2 && high > 0.4);
    }

    #[test]
    fn one_run_says_little_about_others() {
        assert!((other_clusters(&[(0, 100)], 0.3, 0.05) - 0.975).abs() < 1e-12);
        assert_eq!(other_clusters(&[(100, 100)], 0.3, 0.05), 1.0);
        assert_eq!(other_clusters(&[], 0.3, 0.05), 1.0);
    }
}
