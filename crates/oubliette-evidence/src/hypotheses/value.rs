//! What an audit measured, in pictures of 100.

use crate::plan::Role;
use crate::plan::group::{FORGOTTEN, NEIGHBOURS, UNRELATED};
use crate::recipe::Measure;
use crate::report::ComparedAudit;
use crate::verdict::{KeepFinding, Rate};

impl Measure {
    /// Whether a smaller number is the better one.
    pub fn fewer_is_better(self) -> bool {
        matches!(self, Self::Hits | Self::Returned | Self::Forgotten)
    }
}

/// The measure of an audit's original or unlearned model; nothing where it was not measured.
pub(super) fn value(by: Measure, audit: &ComparedAudit, role: Role) -> Option<f64> {
    let own = || audit.judgment.arm(&audit.plan.untrained().next()?.id, role);
    match by {
        Measure::Hits => pooled([own()?.all]),
        Measure::Superclass => pooled([own()?.superclass?]),
        Measure::Returned => returned(audit, role),
        Measure::Forgotten => kept(audit, &[FORGOTTEN], role),
        Measure::Neighbours => kept(audit, &[NEIGHBOURS], role),
        Measure::Unrelated => kept(audit, &[UNRELATED], role),
        Measure::Kept => kept(audit, &[NEIGHBOURS, UNRELATED], role),
        Measure::Alignment => {
            let found = audit.judgment.keep(UNRELATED)?.alignment?;
            let score = if role == Role::Original { found.original } else { found.subject };
            Some(100.0 * score.get())
        }
    }
}

/// After the longest of every update.
fn returned(audit: &ComparedAudit, role: Role) -> Option<f64> {
    let longest = audit.plan.longest().into_iter();
    pooled(longest.filter_map(|arm| Some(audit.judgment.arm(&arm.id, role)?.all)))
}

/// Of all arms of some groups, as the model came.
fn kept(audit: &ComparedAudit, groups: &[&str], role: Role) -> Option<f64> {
    let of = |found: &&KeepFinding| {
        let group = groups.contains(&found.group.as_str());
        group && found.after.is_none() && found.subject == Role::Unlearned
    };
    let rate =
        |found: &KeepFinding| if role == Role::Original { found.original } else { found.kept };
    pooled(audit.judgment.keeps.iter().filter(of).map(rate))
}

fn pooled(rates: impl IntoIterator<Item = Rate>) -> Option<f64> {
    let add = |(hits, of): (u32, u32), rate: Rate| (hits + rate.hits, of + rate.of);
    let (hits, of) = rates.into_iter().fold((0, 0), add);
    (of > 0).then(|| 100.0 * f64::from(hits) / f64::from(of))
}
