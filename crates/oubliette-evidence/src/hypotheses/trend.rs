//! How well two lists of numbers agree on an order.

/// Spearman's rank correlation; nothing where one of the lists has no order.
pub(super) fn rank_correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let (a, b) = (ranks(a), ranks(b));
    let across: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
    let size = |ranks: &[f64]| ranks.iter().map(|rank| rank * rank).sum::<f64>();
    let both = (size(&a) * size(&b)).sqrt();
    (both > 0.0).then(|| across / both)
}

/// The place of each number in their order, less the mean place; equal ones share theirs.
fn ranks(of: &[f64]) -> Vec<f64> {
    let count = |value: f64, is: fn(&f64, &f64) -> bool| {
        of.iter().filter(|other| is(other, &value)).count()
    };
    let place = |&value: &f64| {
        let (below, same) = (count(value, |a, b| a < b), count(value, |a, b| a == b));
        below as f64 + (same as f64 - 1.0) / 2.0 - (of.len() as f64 - 1.0) / 2.0
    };
    of.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::rank_correlation;

    #[test]
    fn it_is_one_where_orders_agree_and_counts_ties_half() {
        let line = [1.0, 2.0, 3.0, 10.0];
        assert_eq!(rank_correlation(&line, &[0.1, 0.2, 5.0, 7.0]), Some(1.0));
        assert_eq!(rank_correlation(&line, &[4.0, 3.0, 2.0, 1.0]), Some(-1.0));
        // scipy.stats.spearmanr([1, 2, 3, 10], [1, 1, 0, 2]) is 0.316227766.
        let tied = rank_correlation(&line, &[1.0, 1.0, 0.0, 2.0]).unwrap();
        assert!((tied - 0.316_227_766).abs() < 1e-9, "{tied}");
        assert_eq!(rank_correlation(&line, &[2.0; 4]), None);
    }
}
