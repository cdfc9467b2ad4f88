//! Exact bounds of a proportion (Clopper and Pearson 1934), by bisection on the binomial tail.

/// The exact one-sided lower bound of a proportion, at error rate `alpha`: the largest `p` for which
/// `hits` or more among `of` have a probability of at most `alpha`. 0 when nothing was seen.
pub fn lower(hits: u32, of: u32, alpha: f64) -> f64 {
    if hits == 0 || of == 0 {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, f64::from(hits.min(of)) / f64::from(of));
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        match at_least(hits, of, middle) <= alpha {
            true => low = middle,
            false => high = middle,
        }
    }
    low
}

/// The exact one-sided upper bound of a proportion, at error rate `alpha`. 1 when nothing was seen.
pub fn upper(hits: u32, of: u32, alpha: f64) -> f64 {
    1.0 - lower(of.saturating_sub(hits), of, alpha)
}

/// P(X >= k) for X ~ Binomial(n, p), with p at most k / n, so that the terms fall.
fn at_least(k: u32, n: u32, p: f64) -> f64 {
    let odds = p / (1.0 - p);
    let (mut term, mut sum) = (exactly(k, n, p), 0.0);
    for j in k..=n {
        sum += term;
        if term <= sum * 1e-18 {
            break;
        }
        term *= f64::from(n - j) / f64::from(j + 1) * odds;
    }
    sum
}

/// P(X = k), as a product whose factors are taken in an order that stays in range.
fn exactly(k: u32, n: u32, p: f64) -> f64 {
    let (q, mut left, mut product) = (1.0 - p, n - k, 1.0);
    for i in 1..=k {
        product *= f64::from(n - k + i) / f64::from(i) * p;
        while product > 1.0 && left > 0 {
            product *= q;
            left -= 1;
        }
    }
    (0..left).fold(product, |product, _| product * q)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_seen_says_nothing() {
        assert_eq!((lower(0, 0, 0.05), upper(0, 0, 0.05)), (0.0, 1.0));
    }

    #[test]
    fn all_or_none_has_a_closed_form() {
        assert!((upper(0, 59, 0.05) - (1.0 - 0.05f64.powf(1.0 / 59.0))).abs() < 1e-14);
        assert!((lower(59, 59, 0.05) - 0.05f64.powf(1.0 / 59.0)).abs() < 1e-14);
        assert_eq!((lower(0, 9, 0.05), upper(9, 9, 0.05)), (0.0, 1.0));
    }

    #[test]
    fn large_counts_stay_in_range() {
        let (low, high) = (lower(5_000, 10_000, 0.025), upper(5_000, 10_000, 0.025));
        assert!((low - 0.490_151_1).abs() < 1e-6, "{low}");
        assert!((high - 0.509_848_9).abs() < 1e-6, "{high}");
        assert!(upper(1, 100_000, 1e-6) < 2e-4);
    }
}
