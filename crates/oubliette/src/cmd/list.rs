//! `oubliette list`: the names of everything that is registered, with a sentence each.
use super::{Answer, Verb};
use crate::catalogue::{self, Listed};
use crate::failure::Failure;
use crate::terminal::Terminal;
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::Serialize;

/// List the methods, attacks, detectors, metrics or parts there are
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  oubliette list                # everything
  oubliette list attacks        # what an examiner can try
  oubliette list parts --json   # what recipes mix, for programs")]
pub(crate) struct List {
    /// What to list [default: everything]
    #[arg(value_parser = PossibleValuesParser::new(catalogue::GROUPS))]
    what: Option<String>,
}

/// The result: the cards, in the order of their lists.
#[derive(Serialize)]
struct Found<'a> {
    entries: Vec<&'a Listed>,
}

impl Verb for List {
    fn run(&self, terminal: &Terminal) -> Result<Answer, Failure> {
        let all = catalogue::all();
        let wanted =
            |listed: &&Listed| self.what.as_deref().is_none_or(|what| listed.group == what);
        let entries: Vec<&Listed> = all.iter().filter(wanted).collect();
        let text = table(&entries, terminal);
        Ok(Answer::done(Found { entries }, text))
    }
}

/// One block for each kind, names in a column.
fn table(entries: &[&Listed], terminal: &Terminal) -> String {
    let width = entries.iter().map(|listed| listed.card.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    let mut kind = "";
    for listed in entries {
        if listed.kind != kind {
            let gap = if kind.is_empty() { "" } else { "\n" };
            kind = listed.kind;
            text.push_str(&format!("{gap}{}\n", terminal.bold(kind)));
        }
        text.push_str(&format!("  {:width$}  {}\n", listed.card.name, listed.card.what));
    }
    text
}
