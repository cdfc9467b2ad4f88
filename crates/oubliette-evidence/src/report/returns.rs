//! What updates brought back: a table for every list of step counts that some update was looked at.

use std::collections::{BTreeMap, BTreeSet};

use super::ComparedAudit;
use super::comparison::{none, row, shown};
use crate::AuditPlan;
use crate::plan::{ArmKind, Role};

const HEAD: &str = "## What came back\n\nHits of samples under the own prompts, by training steps of the update. What the original and a model that was never exposed show \
                    stands once, where no method had other numbers.\n\n";

/// The section; nothing where no update was tried.
pub(super) fn section(audits: &[ComparedAudit]) -> String {
    let lists: BTreeSet<Vec<u64>> =
        audits.iter().flat_map(|audit| series(&audit.plan).into_values()).collect();
    match lists.is_empty() {
        true => String::new(),
        false => lists.iter().fold(HEAD.to_owned(), |page, steps| page + &table(audits, steps)),
    }
}

/// The step counts of every trained series of attacks.
fn series(plan: &AuditPlan) -> BTreeMap<&str, Vec<u64>> {
    let mut all: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for arm in plan.arms.iter().filter(|arm| arm.kind == ArmKind::Attack && arm.trained) {
        if let (Some(series), Some(steps)) = (&arm.series, arm.steps) {
            all.entry(series).or_default().push(steps);
        }
    }
    all.values_mut().for_each(|steps| steps.sort_unstable());
    all
}

/// The table of all updates that were looked at after these steps.
fn table(audits: &[ComparedAudit], steps: &[u64]) -> String {
    let head = ["concept", "method", "update", "model"].map(str::to_owned).into_iter();
    let head: Vec<String> = head.chain(steps.iter().map(u64::to_string)).collect();
    let mut table = row(&head) + &row(&vec!["---".to_owned(); head.len()]);
    let mut controls = BTreeSet::new();
    for audit in audits {
        let updates = series(&audit.plan).into_iter().filter(|(_, list)| list == steps);
        for (series, _) in updates {
            for role in [Role::Original, Role::NeverExposed, Role::Unlearned] {
                let Some(rates) = rates(audit, series, steps, role) else { continue };
                let control = role != Role::Unlearned;
                let method = if control { none() } else { audit.method.clone() };
                let cells = [audit.title(), method, series.to_owned(), role.to_string()];
                let line = row(&cells.into_iter().chain(rates).collect::<Vec<_>>());
                if !control || controls.insert(line.clone()) {
                    table += &line;
                }
            }
        }
        table += &positive(audit, steps.len());
    }
    table + "\n"
}

/// Hits after each of the steps; nothing where the model was not looked at.
fn rates(audit: &ComparedAudit, series: &str, steps: &[u64], role: Role) -> Option<Vec<String>> {
    let found = |steps: &u64| audit.judgment.arm(&format!("{series}@{steps}"), role);
    let rates: Vec<_> = steps.iter().map(|steps| found(steps).map(|arm| arm.all)).collect();
    let any = rates.iter().any(Option::is_some);
    any.then(|| rates.into_iter().map(|rate| rate.map_or_else(none, shown)).collect())
}

/// The positive controls, in the last of so many columns.
fn positive(audit: &ComparedAudit, columns: usize) -> String {
    let arms = audit.judgment.arms.iter().filter(|found| found.kind == ArmKind::Positive);
    let line = |found: &crate::verdict::ArmFinding| {
        let cells =
            [&audit.title(), &audit.method, &found.arm, "positive control"].map(str::to_owned);
        let blank = vec![String::new(); columns.saturating_sub(1)];
        row(&cells.into_iter().chain(blank).chain([shown(found.all)]).collect::<Vec<_>>())
    };
    arms.map(line).collect()
}
