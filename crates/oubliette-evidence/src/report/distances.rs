//! Fréchet distances as columns of a comparison, where some audit measured them.

use super::comparison::{ComparedAudit, none};
use crate::event::Measured;
use crate::plan::Role;

/// A column: its head, and the cell of an audit.
type Column = (&'static str, fn(&ComparedAudit) -> String);

/// The columns for which some audit has something.
pub(super) fn distances(audits: &[ComparedAudit]) -> Vec<Column> {
    let columns: [Column; 2] = [
        ("Fréchet distance (pictures; halves of the original)", to_the_original),
        ("Fréchet distance to real pictures", to_real_pictures),
    ];
    let measured = |column: &Column| audits.iter().any(|audit| column.1(audit) != none());
    columns.into_iter().filter(measured).collect()
}

fn to_the_original(audit: &ComparedAudit) -> String {
    let Some(found) = measured(audit, "frechet_distance", Role::Unlearned) else { return none() };
    let halves = measured(audit, "frechet_halves", Role::Original).map_or_else(none, value);
    format!("{} ({}; {halves})", value(found), found.count)
}

fn to_real_pictures(audit: &ComparedAudit) -> String {
    let of = |role| measured(audit, "frechet_real", role);
    match (of(Role::Original), of(Role::Unlearned)) {
        (Some(before), Some(after)) => {
            format!("{} → {} ({})", value(before), value(after), after.count)
        }
        _ => none(),
    }
}

fn measured<'a>(audit: &'a ComparedAudit, metric: &str, role: Role) -> Option<&'a Measured> {
    audit.evidence.measurement(metric, Some(role), None, 0)
}

/// Three digits that count, whatever the scale of the features.
fn value(found: &Measured) -> String {
    let value = found.value.get();
    let before = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    format!("{value:.*}", usize::try_from(2 - before).unwrap_or(0))
}
