//! What the trainings came to, as tables of BENCHMARKS.md.

use std::fmt::Write as _;

use anyhow::Result;

use super::Side;
use super::record::{By, Record};
use super::settings::{Job, PICTURES, UPDATE};
use crate::bench::Arguments;
use crate::bench::report::{self, duration};
use crate::bench::statistics::{difference, spread};

/// Points within which two sides are called equivalent.
const MARGIN: f64 = 5.0;

/// One job: who took how long, what the models show, and whether they are equivalent.
pub(super) fn of(job: &Job, sides: &[Side<'_>]) -> String {
    let mut text = String::new();
    let Some(ours) = sides.iter().find(|side| side.by == By::Ours) else {
        return format!("### {}\n\nNo rate of the grid met the rule on our side.\n\n", job.name);
    };
    let _ = writeln!(text, "### {}\n", job.name);
    let _ = writeln!(
        text,
        "| | rate | few hits after | ours / this, quartiles | met | steps | time | ours / this, quartiles | direct hits | unrelated kept | hits after the update | memory |"
    );
    let _ = writeln!(text, "|---|---|---|---|---|---|---|---|---|---|---|---|");
    for side in sides {
        let _ = writeln!(text, "{}", line(ours, side));
    }
    let _ = writeln!(
        text,
        "\n| ours minus | direct hits, once few | unrelated kept, then | hits after the update |\n|---|---|---|---|"
    );
    for side in sides.iter().filter(|side| side.by != By::Ours) {
        let cells = [
            apart(ours, side, |run| run.points_forgot("direct")),
            apart(ours, side, |run| run.points_forgot("kept")),
            apart(ours, side, |run| run.points("recovery")),
        ];
        let _ = writeln!(text, "| {} | {} |", side.by.name(), cells.join(" | "));
    }
    text.push('\n');
    text
}

fn line(ours: &Side<'_>, side: &Side<'_>) -> String {
    let values = |of: fn(&Record) -> Option<f64>| {
        side.runs.iter().filter_map(|run| of(run)).collect::<Vec<_>>()
    };
    let (seconds, steps) =
        (values(Record::seconds), values(|run| run.steps().map(|steps| steps as f64)));
    let forgot = values(Record::forgot);
    let mean = |of: fn(&Record) -> Option<f64>| match mean(&values(of)) {
        Some(mean) => format!("{mean:.1}"),
        None => "–".to_owned(),
    };
    let middle = |values: &[f64], show: fn(f64) -> String| match values {
        [] => "–".to_owned(),
        values => show(spread(values)[1]),
    };
    format!(
        "| {} | {:.0e} | {} | {} | {} of {} | {} | {} | {} | {} | {} of {} | {} | {:.0} MB |",
        side.by.name(),
        side.rate,
        middle(&forgot, duration),
        ratio(ours, side, Record::forgot),
        seconds.len(),
        side.runs.len(),
        middle(&steps, |steps| format!("{steps:.0}")),
        middle(&seconds, duration),
        ratio(ours, side, Record::seconds),
        mean(|run| run.points("direct")),
        mean(|run| run.points("kept")),
        mean(|run| run.before_met("kept")),
        mean(|run| run.points("recovery")),
        spread(&values(Record::peak))[1] / 1e6,
    )
}

/// Ours over the other side's, seed by seed.
fn ratio(ours: &Side<'_>, side: &Side<'_>, of: fn(&Record) -> Option<f64>) -> String {
    let ratios: Vec<f64> = pairs(ours, side, of).iter().map(|[a, b]| a / b).collect();
    if side.by == By::Ours || ratios.is_empty() {
        return "–".to_owned();
    }
    let [low, middle, high] = spread(&ratios);
    format!("**{middle:.2}**, {low:.2} to {high:.2}")
}

/// What both sides have of the same seeds.
fn pairs(a: &Side<'_>, b: &Side<'_>, of: impl Fn(&Record) -> Option<f64>) -> Vec<[f64; 2]> {
    a.runs.iter().zip(&b.runs).filter_map(|(a, b)| Some([of(a)?, of(b)?])).collect()
}

/// The mean difference with its interval, and whether that lies within the margin.
fn apart(ours: &Side<'_>, side: &Side<'_>, of: fn(&Record) -> Option<f64>) -> String {
    let differences: Vec<f64> = pairs(ours, side, of).iter().map(|[a, b]| a - b).collect();
    judged(&differences)
}

/// Differences of seeds as their mean, its interval and a word.
pub(super) fn judged(differences: &[f64]) -> String {
    let Some([low, middle, high]) = difference(differences) else {
        return match differences {
            [] | [_] => "too few seeds".to_owned(),
            [same, ..] => format!("{same:+.1} on every seed"),
        };
    };
    let verdict = match () {
        () if low >= -MARGIN && high <= MARGIN => "equivalent",
        () if low > MARGIN || high < -MARGIN => "**different**",
        () => "undecided",
    };
    format!("{middle:+.1} ({low:+.1} to {high:+.1}): {verdict}")
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Adds everything to BENCHMARKS.md.
pub(super) fn append(
    arguments: &Arguments,
    seeds: usize,
    agreement: f64,
    text: &str,
) -> Result<()> {
    let ([direct, kept], (batch, steps, rate)) = (PICTURES, UPDATE);
    let about = format!(
        "Time of training until the first checkpoint with direct hits at 5 in 100 or fewer and at most 5 points of unrelated pictures lost \
         (`studies/jobs`), and until the former alone: {seeds} seeds, medians; ours is the whole process, PyTorch's is without its import. `paper` is the released loop, \
         `same-savings` is PyTorch with what our program saves. Of every seed {direct} pictures of the concept and {kept} of what is unrelated \
         (of 100, means), and {direct} after {steps} benign steps of {batch} at {rate:.0e}. Differences are of 100 pictures, with the 90 % \
         t interval over seeds; equivalent where that lies within {MARGIN} points. The first step's losses agree within {agreement:.0e}.\n\n{text}"
    );
    report::append_text(arguments, "the papers' loops in PyTorch eager", about.trim_end())
}
