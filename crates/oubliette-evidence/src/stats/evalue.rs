//! How strongly hits among samples speak against a rate of `limit` or more, as an e-value: a number whose mean is at most
//! 1 whenever the rate is that high (Vovk and Wang 2021, "E-values: calibration, combination and applications").

/// The likelihood of `hits` among `of`, averaged evenly over all rates below `limit`, by its likelihood at `limit`. The
/// mean of that over samples is 1 at `limit` and less above; and since it is a martingale in the number of samples, it may
/// be looked at as often as one likes (Ville 1939).
///
/// The average is an incomplete beta integral, and so a binomial tail (DLMF 8.17.5): with X ~ Binomial(of + 1, limit),
/// `P(X > hits) / (limit (of + 1) P(hits of of))`, summed here term by term so that nothing leaves the range.
///
/// `limit` lies in 0 to 1, both excluded; anything else says nothing (1).
pub fn e_below(hits: u32, of: u32, limit: f64) -> f64 {
    if !(limit > 0.0 && limit < 1.0) || hits > of {
        return 1.0;
    }
    let odds = limit / (1.0 - limit);
    let (mut term, mut sum) = (1.0 / (f64::from(hits) + 1.0), 0.0);
    for j in hits..=of {
        sum += term;
        term *= f64::from(of - j) / (f64::from(j) + 2.0) * odds;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_seen_says_nothing() {
        assert_eq!(e_below(0, 0, 0.2), 1.0);
        assert_eq!((e_below(3, 2, 0.2), e_below(0, 9, 1.0), e_below(0, 9, 0.0)), (1.0, 1.0, 1.0));
    }

    #[test]
    fn its_mean_is_one_at_the_limit_and_less_above() {
        let mean = |rate: f64, limit| -> f64 {
            let mut chance = (1.0 - rate).powi(40);
            (0..=40)
                .map(|hits| {
                    let part = chance * e_below(hits, 40, limit);
                    chance *= f64::from(40 - hits) / f64::from(hits + 1) * rate / (1.0 - rate);
                    part
                })
                .sum()
        };
        assert!((mean(0.2, 0.2) - 1.0).abs() < 1e-12);
        assert!(mean(0.3, 0.2) < 0.6 && mean(0.1, 0.2) > 2.0);
    }
}
