//! TIES: several changes of one model become one, where they agree.

use oubliette_evidence::recipe::Merge;
use oubliette_model::{Weight, Weights};

/// The weights that any of `apart` changes, after all changes of `before` are merged (arXiv 2306.01708): of every tensor, each
/// keeps its largest changes, the sign of their sum wins, and those of that sign are averaged. The release of arXiv 2511.07970 merges
/// tensors of cross-attention alone; with methods that change nothing else the two are one.
pub(crate) fn ties(before: &Weights, apart: &[Weights], merge: Merge) -> Weights {
    let mut names: Vec<&str> = apart.iter().flat_map(Weights::names).collect();
    names.sort_unstable();
    names.dedup();
    let one = |name: &str| {
        let old = before.get(name)?;
        let was = old.to_f32_vec();
        let changes: Vec<Vec<f64>> = apart
            .iter()
            .filter_map(|one| one.get(name))
            .map(|new| {
                let change = |(new, was): (f32, &f32)| f64::from(new) - f64::from(*was);
                new.to_f32_vec().into_iter().zip(&was).map(change).collect()
            })
            .collect();
        let change = merged(changes, merge);
        let new = was.iter().zip(change).map(|(was, change)| (f64::from(*was) + change) as f32);
        let new = Weight::from_f32(new.collect(), old.shape(), &old.device(), old.dtype());
        Some((name.to_owned(), new))
    };
    names.into_iter().filter_map(one).collect()
}

/// One change of several changes of one tensor.
pub fn merged(mut changes: Vec<Vec<f64>>, merge: Merge) -> Vec<f64> {
    changes.iter_mut().for_each(|change| keep_largest(change, merge.share));
    let places = changes.first().map_or(0, Vec::len);
    let sums = (0..places).map(|at| changes.iter().map(|change| change[at]).sum::<f64>());
    let signs: Vec<f64> = sums.map(sign).collect();
    let usual = sign(signs.iter().sum());
    let at = |at: usize| {
        let wanted = if signs[at] == 0.0 { usual } else { signs[at] };
        let agree = changes.iter().map(|change| change[at]).filter(|one| one * wanted > 0.0);
        let (sum, count) = agree.fold((0.0, 0), |(sum, count), one| (sum + one, count + 1));
        if count == 0 { 0.0 } else { merge.scale * sum / f64::from(count) }
    };
    (0..places).map(at).collect()
}

/// Everything but the largest becomes nothing.
fn keep_largest(change: &mut [f64], share: f64) {
    let count = ((share * change.len() as f64).floor() as usize).clamp(1, change.len().max(1));
    let mut order: Vec<usize> = (0..change.len()).collect();
    order.sort_by(|&a, &b| change[b].abs().total_cmp(&change[a].abs()).then(a.cmp(&b)));
    order.iter().skip(count).for_each(|&at| change[at] = 0.0);
}

/// 1, 0 or −1.
fn sign(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value.signum() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_changes_agree_they_are_averaged_and_elsewhere_the_larger_wins() {
        let whole = Merge { share: 1.0, scale: 1.0 };
        let changes = vec![vec![1.0, 3.0, 0.0, 2.0], vec![3.0, -1.0, 0.0, -2.0]];
        // The last place is even: most other places are positive.
        assert_eq!(merged(changes.clone(), whole), [2.0, 3.0, 0.0, 2.0]);
        let half = Merge { share: 0.5, scale: 2.0 };
        assert_eq!(merged(changes, half), [6.0, 6.0, 0.0, 4.0]);
        assert!(merged(Vec::new(), whole).is_empty());
    }
}
