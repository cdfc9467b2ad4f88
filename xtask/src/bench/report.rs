//! Results as lines and as a table of BENCHMARKS.md.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::process::Command;

use anyhow::Result;

use super::{Arguments, Outcome};
use crate::{process, workspace};

/// One line on the terminal.
pub(crate) fn line(outcome: &Outcome) -> String {
    let ([ours, theirs], [low, middle, high]) = (outcome.pairs.medians(), outcome.pairs.ratio());
    format!(
        "{:32} {middle:5.2}x ({low:.2} to {high:.2})  {} against {}  memory {}  differ {:.0e}",
        outcome.case.name,
        duration(ours),
        duration(theirs),
        memory(outcome.bytes),
        outcome.agreement
    )
}

/// Adds a dated table.
pub(crate) fn append(arguments: &Arguments, outcomes: &[Outcome]) -> Result<()> {
    let mut text = String::new();
    writeln!(
        text,
        "| case | ratio | quartiles | pairs | ours | PyTorch | memory ours / PyTorch | largest difference |"
    )?;
    writeln!(text, "|---|---|---|---|---|---|---|---|")?;
    for outcome in outcomes {
        let ([ours, theirs], [low, middle, high]) =
            (outcome.pairs.medians(), outcome.pairs.ratio());
        writeln!(
            text,
            "| {} | **{middle:.2}** | {low:.2} to {high:.2} | {} | {} | {} | {} | {:.0e} |",
            outcome.case.name,
            outcome.pairs.len(),
            duration(ours),
            duration(theirs),
            memory(outcome.bytes),
            outcome.agreement
        )?;
    }
    append_text(arguments, &format!("PyTorch {}", arguments.peer.name()), text.trim_end())
}

/// Adds dated words about the suite, measured `against` somebody.
pub(super) fn append_text(arguments: &Arguments, against: &str, words: &str) -> Result<()> {
    let path = workspace::at("BENCHMARKS.md");
    if !path.exists() {
        fs::write(&path, HEAD)?;
    }
    let suite = format!("{:?}", arguments.suite).to_lowercase();
    let against = if against.is_empty() { String::new() } else { format!(" · against {against}") };
    let mut text = format!("\n## {} · {suite}{against}\n\n", date()?);
    writeln!(text, "Commit {}, {} threads, {}.\n", commit()?, arguments.threads, processor())?;
    writeln!(text, "{words}")?;
    Ok(OpenOptions::new().append(true).open(path)?.write_all(text.as_bytes())?)
}

/// Adds a row to the table that is last.
pub(super) fn append_row(row: &str) -> Result<()> {
    let mut file = OpenOptions::new().append(true).open(workspace::at("BENCHMARKS.md"))?;
    Ok(writeln!(file, "{row}")?)
}

const HEAD: &str = "# Benchmarks

Every figure is a ratio, ours over PyTorch's: below 1 we are faster. `cargo xtask bench <suite>` makes these tables. Both sides
hold the same weights and inputs, are first shown to compute the same numbers, are warmed up, and then run in turn, one of ours,
one of theirs, so that whatever else the machine does falls on both. A ratio is the median over pairs, with quartiles. Memory is
the most that a side held during the runs above what its bare process held, so PyTorch's import does not count against it.
Use the ratios; milliseconds belong to one machine, and ratios to one kind of processor.
";

pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 1e-3 => format!("{:.2} ms", s * 1e3),
        s => format!("{:.1} us", s * 1e6),
    }
}

fn memory([ours, theirs]: [u64; 2]) -> String {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    format!("{:.0} / {:.0} MB", megabytes(ours), megabytes(theirs))
}

fn date() -> Result<String> {
    Ok(process::output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?.trim().to_owned())
}

/// The commit, marked when the tree was not clean, but for the rows of an earlier benchmark.
fn commit() -> Result<String> {
    let git = |args: &[&str]| {
        process::output(Command::new("git").args(args).current_dir(workspace::root()))
    };
    let commit = git(&["rev-parse", "--short", "HEAD"])?;
    let changed = git(&["diff", "HEAD", "--name-only", "--", ".", ":(exclude)BENCHMARKS.md"])?;
    let mark = if changed.trim().is_empty() { "" } else { "-dirty" };
    Ok(format!("{}{mark}", commit.trim()))
}

/// The processor's name and what of it matters here.
fn processor() -> String {
    let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = about.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(": ")).map_or("", |(_, value)| value).to_owned()
    };
    let flags = field("flags");
    let known = ["avx2", "avx512f", "amx_tile"].into_iter();
    let found: Vec<_> = known.filter(|flag| flags.split(' ').any(|found| found == *flag)).collect();
    format!("{} ({})", field("model name"), found.join(", "))
}
