//! What became of the hypotheses, as a table.

use super::comparison::{none, row};
use crate::hypotheses::{Claims, Outcome, Says, Seen, Unit};
use crate::recipe::{Hypothesis, Measure};

const BEFORE: &str = "Written in the recipe before the first cell was run.";
const AFTER: &str = "**Not the ones that were written in the recipe before the first cell was run**: read them as questions that were asked of the results.";
const HEAD: &str = "*Gain*: by how many pictures of 100 (of alignment: hundredths) the method that is said to do better does better, with Student's interval \
                    over the means of what the last but one column counts; the error of 5 in 100 is shared by all rows of this section (Bonferroni). With “at”, both \
                    sides are read where so many pictures still show the concept, on straight lines between the settings. A row is judged when all of \
                    its cells are there.\n\n";

const TRENDS: &str = "*Correlation*: Spearman's, between a number that each method had before the runs and what was measured (1: the more of it, the \
                      better in every case), with Student's interval over the means of what the last but one column counts.\n\n";

/// The section; nothing where nothing was claimed.
pub(super) fn section(claims: &Claims<'_>) -> String {
    if claims.judged.is_empty() && claims.trends.is_empty() {
        return String::new();
    }
    let mut section =
        format!("## Hypotheses\n\n{}\n\n", if claims.beforehand { BEFORE } else { AFTER });
    if !claims.judged.is_empty() {
        let rows = claims.judged.iter().map(|one| {
            let [better, than, gain, over, outcome] = outcome(&one.outcome, 1);
            [one.claimed.claim.clone(), by(one.claimed), better, than, gain, over, outcome]
        });
        section += HEAD;
        section += &table(["claim", "by", "better", "than", "gain", "over", "outcome"], rows);
    }
    if !claims.trends.is_empty() {
        let rows = claims.trends.iter().map(|one| {
            let [_, _, correlation, over, outcome] = outcome(&one.outcome, 2);
            let across = one.claimed.across.len().to_string();
            [
                one.claimed.claim.clone(),
                name(one.claimed.by).to_owned(),
                across,
                correlation,
                over,
                outcome,
            ]
        });
        section += TRENDS;
        section += &table(["claim", "by", "methods", "correlation", "over", "outcome"], rows);
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

/// Both sides, the gain with so many decimals, what it is over, and what it says.
fn outcome(outcome: &Outcome, decimals: usize) -> [String; 5] {
    let seen = match outcome {
        Outcome::Open { missing } => {
            let open = format!("not judged yet, cells that are missing: {missing}");
            return [none(), none(), none(), none(), open];
        }
        Outcome::Seen(seen) => seen,
    };
    let [better, than] =
        seen.means.map_or_else(|| [none(), none()], |means| means.map(|mean| format!("{mean:.1}")));
    let gain = seen.gain.map_or_else(none, |gain| {
        let [value, low, high] =
            [gain.value, gain.low, gain.high].map(|x| format!("{x:.decimals$}"));
        format!("{value} ({low} to {high})")
    });
    [better, than, gain, over(seen), says(seen)]
}

fn over(seen: &Seen) -> String {
    let (units, unit) = seen.units;
    let unit = match unit {
        Unit::Concepts => "concepts",
        Unit::Seeds => "seeds",
    };
    let [compared, all] = seen.pairs;
    format!("{units} {unit}; {compared} of {all} pairs")
}

fn says(seen: &Seen) -> String {
    match seen.says {
        Says::Supported => "supported",
        Says::Contradicted => "contradicted",
        Says::Unresolved => "unresolved",
    }
    .to_owned()
}
