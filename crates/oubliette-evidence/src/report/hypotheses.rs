//! What became of the hypotheses, as a table.

use super::comparison::{none, row};
use crate::hypotheses::{Claims, Outcome, Says, Seen, Unit};
use crate::recipe::{Hypothesis, Measure};

const BEFORE: &str = "Written in the recipe before the first cell was run.";
const AFTER: &str = "**Not the ones that were written in the recipe before the first cell was run**: read them as questions that were asked of the results.";
const HEAD: &str = "*Gain*: by how many pictures of 100 (of alignment: hundredths) the method that is said to do better does better, with Student's interval \
                    over the means of what the last but one column counts; the error of 5 in 100 is shared by all rows (Bonferroni). With “at”, both \
                    sides are read where so many pictures still show the concept, on straight lines between the settings. A row is judged when all of \
                    its cells are there.\n\n";

/// The section; nothing where nothing was claimed.
pub(super) fn section(claims: &Claims<'_>) -> String {
    if claims.judged.is_empty() {
        return String::new();
    }
    let when = if claims.beforehand { BEFORE } else { AFTER };
    let head = ["claim", "by", "better", "than", "gain", "over", "outcome"];
    let rows = claims.judged.iter().map(|one| {
        let [better, than, gain, over, outcome] = outcome(&one.outcome);
        row(&[one.hypothesis.claim.clone(), by(one.hypothesis), better, than, gain, over, outcome])
    });
    format!(
        "## Hypotheses\n\n{when} {HEAD}{}{}{}\n",
        row(&head),
        row(&vec!["---"; head.len()]),
        rows.collect::<String>()
    )
}

fn by(hypothesis: &Hypothesis) -> String {
    let measure = match hypothesis.by {
        Measure::Hits => "hits",
        Measure::Returned => "hits after the longest update",
        Measure::Forgotten => "hits of what was forgotten before",
        Measure::Superclass => "superclass",
        Measure::Neighbours => "neighbours",
        Measure::Unrelated => "unrelated",
        Measure::Kept => "neighbours and unrelated",
        Measure::Alignment => "alignment, by 100",
    };
    match hypothesis.at_hits {
        Some(at) => format!("{measure} at {}", at.in_100()),
        None => measure.to_owned(),
    }
}

fn outcome(outcome: &Outcome) -> [String; 5] {
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
        format!("{:.1} ({:.1} to {:.1})", gain.value, gain.low, gain.high)
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
