//! How often an order that means nothing would look as telling as one that was seen.

/// Up to so many columns, all of their orders are tried.
const EXACT: usize = 8;
/// With more, so many of them.
const DRAWS: u32 = 99_999;
/// What differs by less is the same.
const ROUNDING: f64 = 1e-9;

/// The two-sided p-value of the sum of `products[m][m]`, where `products[i][m]` is what method `m` would add with the number of method `i`: the share of the orders of
/// the numbers whose sum lies as far from zero. All orders, where the methods are few; else drawn ones, always the same, and the one that was seen among them.
pub fn permutation_test(products: &[Vec<f64>]) -> f64 {
    let mut order: Vec<usize> = (0..products.len()).collect();
    let sum = |order: &[usize]| order.iter().enumerate().map(|(m, &i)| products[i][m]).sum::<f64>();
    let least = sum(&order).abs() - ROUNDING;
    let (mut as_far, mut all) = (0_u32, 0_u32);
    let mut count = |order: &[usize]| {
        all += 1;
        as_far += u32::from(sum(order).abs() >= least);
    };
    if order.len() <= EXACT {
        let length = order.len();
        every(&mut order, length, &mut count);
    } else {
        count(&order);
        let mut state = 0;
        for _ in 0..DRAWS {
            shuffle(&mut order, &mut state);
            count(&order);
        }
    }
    f64::from(as_far) / f64::from(all)
}

/// Every order of the first `length` places (Heap 1963).
fn every(order: &mut [usize], length: usize, told: &mut impl FnMut(&[usize])) {
    if length <= 1 {
        return told(order);
    }
    for place in 0..length {
        every(order, length - 1, told);
        let other = if length.is_multiple_of(2) { place } else { 0 };
        if place + 1 < length {
            order.swap(other, length - 1);
        }
    }
}

/// Fisher and Yates, with numbers of SplitMix64 (Steele and others 2014).
fn shuffle(order: &mut [usize], state: &mut u64) {
    for last in (1..order.len()).rev() {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let place = (u128::from(mixed) * (last as u128 + 1)) >> 64;
        order.swap(last, place as usize);
    }
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
        assert_eq!(permutation_test(&products(&line, &line)), 1e-5);
        let mut other = line.clone();
        other.swap(0, 5);
        other.swap(2, 9);
        // scipy.stats.spearmanr's Student p-value is 0.326 here.
        let p = permutation_test(&products(&line, &other));
        assert!((0.31..0.34).contains(&p), "{p}");
    }
}
