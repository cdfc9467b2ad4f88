//! Arms that would look at the same pictures become one.

use oubliette_evidence::plan::Arm;

/// Drops every arm without training that draws exactly what an earlier one draws, and lets the others refer
/// to the earlier one.
pub(super) fn same(arms: Vec<Arm>) -> Vec<Arm> {
    let mut kept: Vec<Arm> = Vec::new();
    let mut renamed: Vec<(String, String)> = Vec::new();
    for arm in arms {
        match kept.iter().find(|known| draws_the_same(known, &arm)) {
            Some(known) => renamed.push((arm.id, known.id.clone())),
            None => kept.push(arm),
        }
    }
    for arm in &mut kept {
        for (from, to) in &renamed {
            if arm.baseline.as_ref() == Some(from) {
                arm.baseline = Some(to.clone());
            }
        }
    }
    kept
}

fn draws_the_same(a: &Arm, b: &Arm) -> bool {
    let untouched = |arm: &Arm| !arm.trained && arm.after.is_none();
    untouched(a)
        && untouched(b)
        && (a.kind, &a.stream, &a.prompts, &a.subjects, &a.looks)
            == (b.kind, &b.stream, &b.prompts, &b.subjects, &b.looks)
}
