//! A few pictures of every audit of a comparison: which of them stand on its sheet, and the sheets on the page.

use super::comparison::ComparedAudit;
use crate::AuditPlan;
use crate::Evidence;
use crate::event::Sampled;
use crate::harmless;
use crate::plan::group::UNRELATED;
use crate::plan::{Arm, ArmKind, Role, Stage};

/// Pictures in a row.
const COLUMNS: usize = 8;

/// A row of a sheet.
#[derive(Debug, Clone, PartialEq)]
pub struct SheetRow<'a> {
    /// What it shows.
    pub title: String,
    /// The first pictures of a cell; those of one place in two rows of one arm are of the same prompt and seed.
    pub pictures: Vec<&'a Sampled>,
}

/// The rows of a sheet: the own prompts by the original and the unlearned model, the latter also after the longest of every update; then what is
/// unrelated, by both. Rows without pictures are left out.
pub fn sheet<'a>(plan: &AuditPlan, evidence: &'a Evidence) -> Vec<SheetRow<'a>> {
    let both = [Role::Original, Role::Unlearned];
    let own = plan.untrained().take(1).flat_map(|arm| both.map(|role| (role, arm)));
    let after = plan.longest().into_iter().map(|arm| (Role::Unlearned, arm));
    let kept =
        plan.arms_of(ArmKind::Keep).filter(|arm| arm.attack == UNRELATED && arm.after.is_none());
    let kept = kept.take(1).flat_map(|arm| both.map(|role| (role, arm)));
    let rows = own.chain(after).chain(kept).map(|(role, arm)| row(evidence, role, arm));
    rows.filter(|row| !row.pictures.is_empty()).collect()
}

fn row<'a>(evidence: &'a Evidence, role: Role, arm: &Arm) -> SheetRow<'a> {
    let of = |sample: &&Sampled| {
        let cell = &sample.cell;
        cell.arm == arm.id && cell.subject == role && cell.stage == Stage::Main && cell.run == 0
    };
    let pictures = evidence.samples().filter(of).take(COLUMNS).collect();
    SheetRow { title: format!("{role}, {}", arm.id), pictures }
}

/// All sheets that were kept; nothing where there are none.
pub(super) fn section(audits: &[ComparedAudit]) -> String {
    let one = |audit: &ComparedAudit| {
        let file = audit.sheet.as_ref()?;
        let rows: Vec<String> =
            sheet(&audit.plan, &audit.evidence).into_iter().map(|row| row.title).collect();
        let title = format!("{} by {}", audit.title(), audit.method);
        Some(format!(
            "{}: {}\n\n![{}]({file})\n\n",
            harmless::line(&title),
            harmless::line(&rows.join("; ")),
            harmless::line(&title)
        ))
    };
    match audits.iter().filter_map(one).collect::<String>() {
        none if none.is_empty() => none,
        all => format!(
            "\n## Pictures\n\nThe first of every cell, row by row; look at them before you believe a table.\n\n{all}"
        ),
    }
}
