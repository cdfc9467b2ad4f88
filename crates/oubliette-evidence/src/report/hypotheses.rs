//! What became of hypotheses and trends, as tables.

use super::comparison::{none, row};
use crate::hypotheses::{Along, Claims, Outcome, Says, Seen, Unit, When};
use crate::recipe::{Hypothesis, Measure};
use crate::stats::Interval;

const AHEAD: &str = "No cell has been run yet.";
const BEFORE: &str = "Written in the recipe before the first cell was run.";
const AFTER: &str = "**Not the ones that were written in the recipe before the first cell was run**: read them as questions that were asked of the results.";
const ALL: &str = "The error of 5 in 100 is shared by all claims of this page (Bonferroni). A row is judged when all of its cells are there.";
const PAIRS: &str = "*Gain*: by how many pictures of 100 (of alignment: hundredths) the method that is said to do better does better, with Student's interval \
                     over the means of what the last but one column counts. With “at”, both sides are read where so many pictures still show the concept, on \
                     straight lines between the settings.\n\n";
const TRENDS: &str = "*Correlation*: Spearman's, between a number that each method had before the runs and what was measured (1: the more of it, the better, \
                      everywhere); the mean over what the last but one column counts, with Student's interval. *p*: how often the same numbers, exchanged \
                      between the methods, correlate as much in either direction. It decides, and speaks of these methods.\n\n";

/// The section; nothing where nothing was claimed.
pub(super) fn section(claims: &Claims<'_>) -> String {
    if claims.judged.is_empty() && claims.trends.is_empty() {
        return String::new();
    }
    let when = match claims.when {
        When::Ahead => AHEAD,
        When::Before => BEFORE,
        When::After => AFTER,
    };
    let mut section = format!("## Hypotheses\n\n{when} {ALL}\n\n");
    if !claims.judged.is_empty() {
        let rows = claims.judged.iter().map(|one| {
            let [better, than, gain, over, outcome] = outcome(&one.outcome, most(one.claimed.by));
            [one.claimed.claim.clone(), by(one.claimed), better, than, gain, over, outcome]
        });
        section += PAIRS;
        section += &table(["claim", "by", "better", "than", "gain", "over", "outcome"], rows);
    }
    if !claims.trends.is_empty() {
        let rows = claims.trends.iter().map(|one| {
            let [correlation, p, over, outcome] = along(&one.outcome);
            let (by, across) = (name(one.claimed.by).to_owned(), one.claimed.across.len());
            [one.claimed.claim.clone(), by, across.to_string(), correlation, p, over, outcome]
        });
        section += TRENDS;
        section += &table(["claim", "by", "methods", "correlation", "p", "over", "outcome"], rows);
    }
    section
}

fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let rows = rows.map(|cells| row(&cells)).collect::<String>();
    format!("{}{}{rows}\n", row(&head), row(&["---"; N]))
}

fn name(by: Measure) -> &'static str {
    match by {
        Measure::Hits => "hits",
        Measure::Returned => "hits after the longest update",
        Measure::Forgotten => "hits of what was forgotten before",
        Measure::Superclass => "superclass",
        Measure::Neighbours => "neighbours",
        Measure::Unrelated => "unrelated",
        Measure::Kept => "neighbours and unrelated",
        Measure::Alignment => "alignment, by 100",
    }
}

fn by(hypothesis: &Hypothesis) -> String {
    let measure = name(hypothesis.by);
    match hypothesis.at_hits {
        Some(at) => format!("{measure} at {}", at.in_100()),
        None => measure.to_owned(),
    }
}

/// No difference of two means is larger: of shares 100, of cosines by 100 twice as much.
fn most(by: Measure) -> f64 {
    if by == Measure::Alignment { 200.0 } else { 100.0 }
}

/// Both sides, the gain, what it is over, and what it says. Of the interval, what lies beyond any difference that there can be is cut off.
fn outcome(outcome: &Outcome<Seen>, most: f64) -> [String; 5] {
    let seen = match outcome {
        Outcome::Open { missing } => return [none(), none(), none(), none(), open(*missing)],
        Outcome::Seen(seen) => seen,
    };
    let [better, than] =
        seen.means.map_or_else(|| [none(), none()], |means| means.map(|mean| format!("{mean:.1}")));
    let gain = seen.gain.map_or_else(none, |gain| {
        format!("{:.1} ({:.1} to {:.1})", gain.value, gain.low.max(-most), gain.high.min(most))
    });
    [better, than, gain, over(seen.units, seen.pairs), says(seen.says)]
}

/// The correlation, how rare it is, what it is over, and what it says.
fn along(outcome: &Outcome<Along>) -> [String; 4] {
    let seen = match outcome {
        Outcome::Open { missing } => return [none(), none(), none(), open(*missing)],
        Outcome::Seen(seen) => seen,
    };
    let bounds = |one: Interval| format!(" ({:.2} to {:.2})", one.low, one.high);
    let bounds = seen.interval.map(bounds).unwrap_or_default();
    let correlation = seen.correlation.map_or_else(none, |mean| format!("{mean:.2}{bounds}"));
    let p = seen.p.map_or_else(none, |p| format!("{p:.4}"));
    [correlation, p, over(seen.units, seen.pairs), says(seen.says)]
}

fn open(missing: usize) -> String {
    format!("not judged yet, cells that are missing: {missing}")
}

fn over((units, unit): (usize, Unit), [compared, all]: [usize; 2]) -> String {
    let unit = match unit {
        Unit::Concepts => "concepts",
        Unit::Seeds => "seeds",
    };
    format!("{units} {unit}; {compared} of {all} pairs")
}

fn says(says: Says) -> String {
    match says {
        Says::Supported => "supported",
        Says::Contradicted => "contradicted",
        Says::Unresolved => "unresolved",
    }
    .to_owned()
}
