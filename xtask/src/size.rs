//! What is shipped stays small, and so do source files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::{process, workspace};

/// The embedded model and its judges, in bytes.
const ASSETS: u64 = 15_000_000;
/// Lines a file may have before it is named.
const LINES: usize = 200;

pub(crate) fn run() -> Result<()> {
    let mut files = tracked()?;
    files.retain(|file| file.is_file());
    let assets = bytes_below(&files, "assets");
    println!("assets: {:.1} of {:.0} MB", assets as f64 / 1e6, ASSETS as f64 / 1e6);
    println!("goldens: {:.1} MB", bytes_below(&files, "goldens") as f64 / 1e6);
    report_lines(&files)?;
    if assets > ASSETS {
        bail!("assets/ holds {assets} bytes, more than {ASSETS}");
    }
    Ok(())
}

/// The files that git knows.
fn tracked() -> Result<Vec<PathBuf>> {
    let listed = process::output(
        Command::new("git").args(["ls-files", "-z"]).current_dir(workspace::root()),
    )?;
    Ok(listed.split_terminator('\0').map(workspace::at).collect())
}

fn bytes_below(files: &[PathBuf], folder: &str) -> u64 {
    let folder = workspace::at(folder);
    let below = files.iter().filter(|file| file.starts_with(&folder));
    below.filter_map(|file| fs::symlink_metadata(file).ok()).map(|about| about.len()).sum()
}

/// Lines in all, the median file, and every file above the mark.
fn report_lines(files: &[PathBuf]) -> Result<()> {
    let sources = files.iter().filter(|file| is_source(file));
    let mut counted = Vec::new();
    for file in sources {
        counted.push((fs::read_to_string(file)?.lines().count(), file));
    }
    counted.sort();
    let Some((median, _)) = counted.get(counted.len() / 2) else { return Ok(()) };
    let all: usize = counted.iter().map(|(lines, _)| lines).sum();
    println!("sources: {} files, {all} lines, median {median}", counted.len());
    for (lines, file) in counted.iter().rev().take_while(|(lines, _)| *lines > LINES) {
        println!("  {lines:5} {}", file.strip_prefix(workspace::root())?.display());
    }
    Ok(())
}

fn is_source(file: &Path) -> bool {
    file.extension().is_some_and(|kind| kind == "rs" || kind == "py")
}
