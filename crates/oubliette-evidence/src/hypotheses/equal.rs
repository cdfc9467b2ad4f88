//! A measure at equal forgetting: along a method's settings, from the original on, where so many pictures still show the concept.

use super::value::value;
use crate::Share;
use crate::plan::Role;
use crate::recipe::Measure;
use crate::report::ComparedAudit;

/// The measure of one audit; or, at a share of hits, of the settings of one method, weakest first. Nothing where it was not measured,
/// or where no setting forgets so much.
pub(super) fn measure(
    settings: &[&ComparedAudit],
    by: Measure,
    at_hits: Option<Share>,
) -> Option<f64> {
    let Some(at) = at_hits else { return value(by, settings.first()?, Role::Unlearned) };
    let point = |audit: &ComparedAudit, role| {
        Some((value(Measure::Hits, audit, role)?, value(by, audit, role)?))
    };
    let original = point(settings.first()?, Role::Original)?;
    let after = settings.iter().map(|audit| point(audit, Role::Unlearned));
    let line: Option<Vec<_>> = std::iter::once(Some(original)).chain(after).collect();
    between(&line?, at.get())
}

/// The value where hits, in pictures of 100, first fall to the share `at`, on the straight line between the two points that it lies between.
fn between(line: &[(f64, f64)], at: f64) -> Option<f64> {
    // As shares, both are the number nearest to their fraction: 29 of 100 is at most 0.29, though 100 times 0.29 is less than 29.
    let reached = line.iter().position(|(hits, _)| hits / 100.0 <= at)?;
    let (above, below) = (line[reached.checked_sub(1)?], line[reached]);
    let share = (above.0 / 100.0 - at) / (above.0 / 100.0 - below.0 / 100.0);
    Some(above.1 + share * (below.1 - above.1))
}

#[cfg(test)]
mod tests {
    use super::between;

    #[test]
    fn the_value_lies_between_two_settings() {
        let line = [(90.0, 80.0), (25.0, 70.0), (0.0, 50.0), (10.0, 90.0)];
        assert!((between(&line, 0.05).unwrap() - 54.0).abs() < 1e-9);
        assert_eq!(between(&line, 0.25), Some(70.0));
        assert_eq!(between(&[(90.0, 80.0), (29.0, 70.0)], 0.29), Some(70.0));
    }

    #[test]
    fn where_nothing_is_forgotten_there_is_no_value() {
        assert_eq!(between(&[(90.0, 80.0), (25.0, 70.0)], 0.05), None);
        // The original never showed it.
        assert_eq!(between(&[(2.0, 80.0), (0.0, 70.0)], 0.05), None);
    }
}
