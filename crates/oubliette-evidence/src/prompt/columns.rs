//! The columns of a prompt file: each that is read stands there once, and by its name.

use std::path::Path;

use csv::StringRecord;

use super::bad;
use crate::{Result, harmless::short};

/// Names of the column of prompts.
pub(super) const TEXT: [&str; 2] = ["prompt", "text"];
/// Names of the column of seeds.
pub(super) const SEED: [&str; 2] = ["seed", "evaluation_seed"];
/// Names of the column of guidances.
pub(super) const GUIDANCE: [&str; 2] = ["guidance", "evaluation_guidance"];

/// The place of the column that has one of these names, where there is one.
pub(super) fn find(file: &Path, header: &StringRecord, names: [&str; 2]) -> Result<Option<usize>> {
    let mut found = header.iter().enumerate().filter(|(_, name)| names.contains(&name.trim()));
    match (found.next(), found.next()) {
        (Some((_, first)), Some((_, second))) => {
            let thing = format!("the columns `{}` and `{}` are one", first.trim(), second.trim());
            Err(bad(file, 1, thing))
        }
        (first, _) => Ok(first.map(|(at, _)| at)),
    }
}

/// Refuses a column that is nearly called like one that is read: what it holds would be left out without a word.
pub(super) fn refuse_misspelt(file: &Path, header: &StringRecord) -> Result<()> {
    let read: Vec<&str> = [TEXT, SEED, GUIDANCE].concat();
    for name in header.iter().map(str::trim).filter(|name| !read.contains(name)) {
        // Much else is nearly called `text`.
        let meant = read.iter().find(|known| **known != "text" && nearly(name, known));
        if let Some(meant) = meant {
            let thing = format!("the column `{}` is not read; `{meant}` would be", short(name));
            return Err(bad(file, 1, thing));
        }
    }
    Ok(())
}

/// Whether one letter is too many, missing or another, in any case.
fn nearly(name: &str, known: &str) -> bool {
    let name: Vec<char> = name.to_lowercase().chars().collect();
    let known: Vec<char> = known.chars().collect();
    let same = name.iter().zip(&known).take_while(|(a, b)| a == b).count();
    let (name, known) = (&name[same..], &known[same..]);
    let ends = name.iter().rev().zip(known.iter().rev()).take_while(|(a, b)| a == b).count();
    name.len().max(known.len()) - ends <= 1
}
