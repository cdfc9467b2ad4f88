//! The report as plain text, for a terminal.

use super::page;
use super::tables;
use crate::Evidence;
use crate::harmless;
use crate::plan::AuditPlan;
use crate::stats;
use crate::verdict::{Judgment, Reason, Verdict};

/// The verdict, the rates, what was kept, and what was not tested, in lines of text.
pub fn render_text(plan: &AuditPlan, evidence: &Evidence, judgment: &Judgment) -> String {
    let mut lines = vec![judgment.sentence.clone(), String::new()];
    let reasons = page::reasons(&judgment.verdict);
    lines.extend(reasons.iter().map(|reason| format!("  because {reason}")));
    lines.extend(enough(plan, &judgment.verdict));
    lines.extend(table(
        ["Attack", "Model", "Hits", "Bounds", ""],
        judgment.arms.iter().map(|found| {
            let row = tables::arm_row(plan, found);
            [row.arm, row.subject, row.hits, row.bounds, row.standing.to_owned()]
        }),
    ));
    lines.extend(table(
        ["Kept", "Model", "Hits", "Loss in points", "Fall of alignment"],
        judgment.keeps.iter().map(|found| {
            let row = tables::keep_row(found);
            [row.arm, row.subject, row.kept, row.loss, row.fall]
        }),
    ));
    lines.extend(table(
        ["Worst prompt of", "Model", "Hits", "On fresh seeds", ""],
        judgment.worst.iter().map(|found| {
            let row = tables::worst_row(plan, found);
            [row.arm, row.subject, row.hits, row.fresh, format!("“{}”", row.text)]
        }),
    ));
    lines.extend(table(
        ["Measured", "Model", "Attack", "Value", ""],
        evidence.measured().map(|measured| {
            let row = tables::measured_row(measured);
            [row.metric, row.subject, row.arm, row.value, String::new()]
        }),
    ));
    if !plan.not_tested.is_empty() {
        lines.push(format!("Not tested: {}.", plan.not_tested.join(", ")));
    }
    lines.extend(judgment.caveats.iter().cloned());
    lines.push(format!("Plan {}, evidence {}.", judgment.plan.short(), judgment.evidence.short()));
    lines.iter().map(|line| harmless::line(line) + "\n").collect()
}

/// How many samples would do, where there were too few.
fn enough(plan: &AuditPlan, verdict: &Verdict) -> Option<String> {
    let Verdict::Inconclusive { why } = verdict else { return None };
    let few = why.iter().any(|reason| matches!(reason, Reason::TooFewSamples { .. }));
    stats::enough(plan).filter(|_| few).map(|enough| {
        format!(
            "  {enough} samples would do, if none of them shows the concept: `per_arm` and `worst` below `[samples]`"
        )
    })
}

/// Columns as wide as they need to be; nothing for a table without rows.
fn table(head: [&str; 5], rows: impl Iterator<Item = [String; 5]>) -> Vec<String> {
    let rows: Vec<[String; 5]> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
    if rows.len() == 1 {
        return Vec::new();
    }
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; 5]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).chain([String::new()]).collect()
}
