//! Running sums of signed gradients, and which of them are largest.

use std::collections::BTreeMap;

use oubliette_model::{Weight, Weights};

/// Adds gradients to their sums: what changes its sign from step to step cancels.
pub(super) fn add(sums: &mut Weights, gradients: &Weights) {
    for (name, gradient) in gradients {
        let sum = match sums.remove(name) {
            Some(sum) => sum.flat() + gradient.flat(),
            None => gradient.flat(),
        };
        sums.insert(name.clone(), Weight::from_flat(sum, gradient.shape()));
    }
}

/// How many of `all` are `share` of them; at least one.
pub(super) fn count(all: usize, share: f64) -> usize {
    ((share * all as f64).floor() as usize).clamp(1, all.max(1))
}

/// The smallest size among the `share` largest of all values together.
pub(super) fn kth_largest<'a>(all: impl Iterator<Item = &'a Weight>, share: f64) -> f32 {
    let mut sizes: Vec<f32> = all.flat_map(Weight::to_f32_vec).map(f32::abs).collect();
    let k = count(sizes.len(), share);
    let (_, kth, _) = sizes.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
    *kth
}

/// The places of `among`, those with the largest sizes first; equal ones in order.
pub(super) fn by_size(sizes: &[f32], mut among: Vec<usize>) -> Vec<usize> {
    among.sort_by(|&a, &b| sizes[b].total_cmp(&sizes[a]).then(a.cmp(&b)));
    among
}

/// Several maps as one, each under its name.
pub(super) fn state(parts: &[(&str, &Weights)]) -> Weights {
    let under = |(name, weights): &(&str, &Weights)| {
        let name = (*name).to_owned();
        weights.iter().map(move |(key, weight)| (format!("{name}/{key}"), weight.clone())).collect()
    };
    parts.iter().flat_map(|part| -> BTreeMap<String, Weight> { under(part) }).collect()
}

/// One of them.
pub(super) fn below(state: &Weights, name: &str) -> Weights {
    let prefix = format!("{name}/");
    let inside = |(key, weight): (&String, &Weight)| {
        Some((key.strip_prefix(&prefix)?.to_owned(), weight.clone()))
    };
    state.iter().filter_map(inside).collect()
}
