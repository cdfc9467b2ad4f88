//! What the models came to, as tables of BENCHMARKS.md.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::Value;

use super::PICTURES;
use crate::bench::Arguments;
use crate::bench::jobs::record::points;
use crate::bench::jobs::settings::{Job, UPDATE};
use crate::bench::jobs::table::judged;
use crate::bench::report;
use crate::bench::statistics::spread;

/// What is counted in pictures.
const COUNTED: [&str; 3] = ["direct", "kept", "recovery"];

const HEAD: &str = "| | direct hits | unrelated kept | hits after the update | weights apart |\n|---|---|---|---|---|\n";

/// One job: means of all seeds, and the differences seed by seed.
pub(super) fn of(job: &Job, lines: &[&Value]) -> String {
    let (rate, steps) = job.compared;
    let mut text = format!("### {}, {steps} steps at {rate:.0e}\n\n", job.name);
    text += HEAD;
    for side in ["original", "ours", "paper", "same-savings"] {
        let counted = COUNTED.map(|what| mean(&all(lines, side, what)));
        let _ = writeln!(text, "| {side} | {} | {} |", counted.join(" | "), apart(lines, side));
    }
    let differences = COUNTED.map(|what| {
        let (ours, paper) = (all(lines, "ours", what), all(lines, "paper", what));
        judged(&ours.iter().zip(&paper).map(|(a, b)| a - b).collect::<Vec<_>>())
    });
    let _ = writeln!(text, "| ours minus paper | {} | |\n", differences.join(" | "));
    text
}

/// A rate of 100 for every seed; none where it was not counted.
fn all(lines: &[&Value], side: &str, what: &str) -> Vec<f64> {
    lines.iter().filter_map(|line| points(&line[side][what])).collect()
}

fn mean(values: &[f64]) -> String {
    match values.len() {
        0 => "–".to_owned(),
        count => format!("{:.1}", values.iter().sum::<f64>() / count as f64),
    }
}

/// The median between the smallest and the largest.
fn apart(lines: &[&Value], side: &str) -> String {
    let mut values: Vec<f64> =
        lines.iter().filter_map(|line| line[side]["apart"].as_f64()).collect();
    values.sort_by(f64::total_cmp);
    match values[..] {
        [] => "–".to_owned(),
        [low, .., high] => format!("{:.1e}, {low:.1e} to {high:.1e}", spread(&values)[1]),
        [one] => format!("{one:.1e}"),
    }
}

/// Adds everything to BENCHMARKS.md.
pub(super) fn add(arguments: &Arguments, seeds: usize, text: &str) -> Result<()> {
    let (([direct, kept], after), (batch, steps, rate)) = (PICTURES, UPDATE);
    let about = format!(
        "Models of both sides after the same steps at the same rate, with the random numbers that the program draws (`studies/jobs`): {seeds} seeds. \
         Of every seed {direct} pictures of the concept and {kept} of what is unrelated, and {after} after {steps} benign steps of {batch} at \
         {rate:.0e}; of 100, means. Differences of seeds with their 90 % t interval; equivalent where that lies within 5 points. Weights apart: the \
         norm of the difference over the norm of what ours moved, median and range.\n\n{text}"
    );
    report::append_text(arguments, "the papers' loops in PyTorch eager", about.trim_end())
}
