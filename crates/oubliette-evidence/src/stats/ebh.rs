//! Many concepts at once: the e-BH procedure (Wang and Ramdas 2022, "False discovery rate control
//! with e-values"). It holds under any dependence, and controls a discovery rate: among the concepts
//! that it names, the expected share of false ones is at most `alpha`.

/// Places of the e-values that are discoveries, in rising order. NaN and negative values, which are
/// no e-values, are never discovered.
pub fn e_bh(e_values: &[f64], alpha: f64) -> Vec<usize> {
    let mut ranked: Vec<(usize, f64)> =
        e_values.iter().copied().enumerate().filter(|(_, e)| *e >= 0.0).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let enough = |(rank, e): (usize, f64)| e * alpha * (rank + 1) as f64 >= e_values.len() as f64;
    let found = (0..ranked.len())
        .rev()
        .find(|&rank| ranked.get(rank).is_some_and(|&(_, e)| enough((rank, e))))
        .map_or(0, |rank| rank + 1);
    let mut places: Vec<usize> = ranked.iter().take(found).map(|(place, _)| *place).collect();
    places.sort_unstable();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_fall_with_the_rank() {
        assert_eq!(e_bh(&[130.0, 70.0, 45.0, 8.0, 1.2, 0.4], 0.05), [0, 1, 2]);
        assert_eq!(e_bh(&[100.0, 30.0, 25.0, 8.0, 1.2, 0.4], 0.05), [] as [usize; 0]);
        assert_eq!(e_bh(&[1.0, 45.0, f64::NAN, 50.0, 61.0], 0.05), [1, 3, 4]);
        assert_eq!(e_bh(&[], 0.05), [] as [usize; 0]);
    }
}
