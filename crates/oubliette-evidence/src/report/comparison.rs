//! Many audits side by side, as Markdown: what was forgotten, what was kept, and what came back.

use std::collections::BTreeMap;

use super::costs::{Cost, costs};
use super::distances::distances;
use super::hypotheses;
use super::interference::interference;
use super::{returns, sheet, together};
use crate::harmless;
use crate::hypotheses::Claims;
use crate::plan::Role;
use crate::plan::group::{NEIGHBOURS, SUPERCLASS, UNRELATED};
use crate::verdict::{Judgment, Rate};
use crate::{AuditPlan, Evidence, Verdict};

/// One audit of a comparison.
#[derive(Debug, Clone)]
pub struct ComparedAudit {
    /// The concept's id.
    pub concept: String,
    /// The method's label.
    pub method: String,
    /// The seed, where the recipe has several.
    pub seed: Option<u64>,
    /// What was planned.
    pub plan: AuditPlan,
    /// What was seen.
    pub evidence: Evidence,
    /// What follows.
    pub judgment: Judgment,
    /// What the unlearning cost, where that was measured.
    pub cost: Option<Cost>,
    /// The file of its [`sheet`](super::sheet()), seen from the page, where it was kept.
    pub sheet: Option<String>,
}

impl ComparedAudit {
    /// The concept, and the seed where there are several.
    pub(super) fn title(&self) -> String {
        match self.seed {
            Some(seed) => format!("{}, seed {seed}", self.concept),
            None => self.concept.clone(),
        }
    }
}

/// The page: what became of the hypotheses, a table of forgetting and keeping, a table of returns, which concepts are gone together, matrices of interference, one of costs, and
/// which cells (`missing`) are not in them.
pub fn render_comparison(
    audits: &[ComparedAudit],
    claims: &Claims<'_>,
    missing: &[String],
) -> String {
    let mut page = hypotheses::section(claims);
    page += "## Forgotten and kept\n\n";
    page += "Hits of samples, before → after, for every attack that takes the models as they are. *Superclass*: pictures of the \
             first of them that show something of the superclass. *After updates*: pictures after the longest of every update that was \
             tried.\n\n";
    page += &forgotten(audits);
    page += "\n";
    page += &returns::section(audits);
    page += &together::section(audits);
    page += &interference(audits);
    page += &costs(audits);
    page += &sheet::section(audits);
    if !missing.is_empty() {
        page += &format!("\n**Partial.** Not measured yet: {}.\n", missing.join(", "));
    }
    page
}

/// The cells that have no numbers, because their training left the numbers that mean anything; nothing where there are none.
pub fn render_diverged(cells: &BTreeMap<String, String>) -> String {
    if cells.is_empty() {
        return String::new();
    }
    let lines = cells.iter().map(|(name, why)| format!("- `{name}`: {}\n", harmless::line(why)));
    format!(
        "\n**Diverged.** These trainings were stopped, and have no numbers. They are not tried again; remove `refused.json` from a cell's folder for \
         that:\n\n{}",
        lines.collect::<String>()
    )
}

/// The table of forgetting and keeping: a column for every arm that some audit asked without training.
fn forgotten(audits: &[ComparedAudit]) -> String {
    let mut asked: Vec<&str> = Vec::new();
    for arm in audits.iter().flat_map(|audit| audit.plan.untrained()) {
        if !asked.contains(&arm.id.as_str()) {
            asked.push(&arm.id);
        }
    }
    let kept = [SUPERCLASS, NEIGHBOURS, UNRELATED, "alignment falls"];
    let moved = distances(audits);
    let updated = audits.iter().any(|audit| !audit.plan.longest().is_empty());
    let head: Vec<&str> = ["concept", "method"]
        .into_iter()
        .chain(asked.clone())
        .chain(updated.then_some("after updates"))
        .chain(kept)
        .chain(moved.iter().map(|(head, _)| *head))
        .chain(["verdict"])
        .collect();
    let rows = audits.iter().map(|audit| {
        let mut cells = forgotten_by(audit, &asked);
        if updated {
            cells.insert(2 + asked.len(), returned(audit));
        }
        cells.extend(moved.iter().map(|(_, cell)| cell(audit)));
        cells.push(verdict(&audit.judgment.verdict));
        row(&cells)
    });
    row(&head) + &row(&vec!["---"; head.len()]) + &rows.collect::<String>()
}

/// Hits after the longest of every update, together.
fn returned(audit: &ComparedAudit) -> String {
    let longest = audit.plan.longest().into_iter();
    let found = longest.filter_map(|arm| audit.judgment.arm(&arm.id, Role::Unlearned));
    let (hits, of) =
        found.fold((0, 0), |(hits, of), found| (hits + found.all.hits, of + found.all.of));
    if of > 0 { format!("{hits}/{of}") } else { none() }
}

fn forgotten_by(audit: &ComparedAudit, asked: &[&str]) -> Vec<String> {
    let judgment = &audit.judgment;
    let found = |id: &str, role| judgment.arm(id, role);
    let pair = |id: &&str| {
        let rate = |role| found(id, role).map(|found| found.all);
        change(rate(Role::Original), rate(Role::Unlearned))
    };
    // The first asks in the concept's own words.
    let own = audit.plan.untrained().next().map_or("", |arm| arm.id.as_str());
    let superclass = |role| found(own, role).and_then(|found| found.superclass);
    let kept =
        |group| judgment.keep(group).map_or_else(none, |k| change(Some(k.original), Some(k.kept)));
    let alignment = judgment.keep(UNRELATED).and_then(|found| found.alignment);
    let mut cells = vec![audit.title(), audit.method.clone()];
    cells.extend(asked.iter().map(pair));
    cells.extend([
        change(superclass(Role::Original), superclass(Role::Unlearned)),
        kept(NEIGHBOURS),
        kept(UNRELATED),
        alignment.map_or_else(none, |found| format!("{:.3}", found.fall.value.get())),
    ]);
    cells
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Held { .. } => "held".to_owned(),
        Verdict::Broken { by, .. } => format!("broken by {}", by.arm),
        Verdict::Inconclusive { .. } => "cannot be decided".to_owned(),
    }
}

fn change(before: Option<Rate>, after: Option<Rate>) -> String {
    match (before, after) {
        (Some(before), Some(after)) => format!("{} → {}", shown(before), shown(after)),
        _ => none(),
    }
}

pub(super) fn shown(rate: Rate) -> String {
    format!("{}/{}", rate.hits, rate.of)
}

/// What was not measured is no number.
pub(super) fn none() -> String {
    "–".to_owned()
}

pub(super) fn row<S: AsRef<str>>(cells: &[S]) -> String {
    let cells: Vec<String> =
        cells.iter().map(|cell| harmless::line(cell.as_ref()).replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}
