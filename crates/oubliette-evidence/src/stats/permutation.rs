//! How often an order that means nothing would look as telling as one that was seen.

use itertools::Itertools as _;

use crate::plan::hash;

/// Up to so many columns, all of their orders are tried.
const EXACT: usize = 8;
/// With more, so many of them, beside the one that was seen.
const DRAWS: u32 = 9_999;
/// What differs by less is the same.
const ROUNDING: f64 = 1e-9;

/// The two-sided p-value of the sum of `products[m][m]`, where `products[i][m]` is what method `m` would add with the number of method `i`: the share of the orders of
/// the numbers whose sum lies as far from zero. All orders, where the methods are few; else drawn ones, always the same, and the one that was seen among them.
pub fn permutation_test(products: &[Vec<f64>]) -> f64 {
    let seen: Vec<usize> = (0..products.len()).collect();
    let sum = |order: &[usize]| order.iter().enumerate().map(|(m, &i)| products[i][m]).sum::<f64>();
    let least = sum(&seen).abs() - ROUNDING;
    let share = |orders: &mut dyn Iterator<Item = Vec<usize>>| {
        let (mut as_far, mut all) = (0_u32, 0_u32);
        for order in orders {
            all += 1;
            as_far += u32::from(sum(&order).abs() >= least);
        }
        f64::from(as_far) / f64::from(all)
    };
    match seen.len() {
        0..=EXACT => share(&mut seen.iter().copied().permutations(seen.len())),
        count => share(&mut std::iter::once(seen).chain((0..DRAWS).map(|draw| drawn(draw, count)))),
    }
}

/// An order of so many places, by hashing, so that nothing is random.
fn drawn(draw: u32, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_cached_key(|place| hash(&["order", &draw.to_string(), &place.to_string()]));
    order
}

#[cfg(test)]
mod tests {
    use super::permutation_test;

    /// One line of numbers against another.
    fn products(a: &[f64], b: &[f64]) -> Vec<Vec<f64>> {
        a.iter().map(|a| b.iter().map(|b| a * b).collect()).collect()
    }

    #[test]
    fn few_orders_are_all_tried() {
        let line = [-2.0, -1.0, 0.0, 1.0, 2.0];
        // Itself and its reverse, of 120.
        assert_eq!(permutation_test(&products(&line, &line)), 2.0 / 120.0);
        assert_eq!(permutation_test(&products(&line, &[0.0; 5])), 1.0);
        // Sums of at least 8: 10 once, 9 four times, 8 three times, and the same below zero.
        assert_eq!(permutation_test(&products(&line, &[-2.0, 0.0, -1.0, 2.0, 1.0])), 16.0 / 120.0);
    }

    #[test]
    fn of_many_orders_some_are_drawn() {
        let line: Vec<f64> = (0..11).map(|place| f64::from(place) - 5.0).collect();
        assert_eq!(permutation_test(&products(&line, &line)), 1e-4);
        let mut other = line.clone();
        other.swap(0, 5);
        other.swap(2, 9);
        // scipy.stats.spearmanr's Student p-value is 0.326 here.
        let p = permutation_test(&products(&line, &other));
        assert!((0.30..0.35).contains(&p), "{p}");
    }
}
