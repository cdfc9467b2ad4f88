//! `oubliette show`: the card of one thing, with its settings.
use super::{Answer, Verb};
use crate::catalogue::{self, Listed};
use crate::failure::Failure;
use crate::terminal::Terminal;
use clap::Args;

use serde::Serialize;

/// Show the card of a method, attack, detector, metric or part: source, cost, settings
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  oubliette show esd               # what it does, its paper, its settings
  oubliette show finetune --json   # the same for programs")]
pub(crate) struct Show {
    /// A name that `oubliette list` prints
    name: String,
}

/// The result: every card of that name.
#[derive(Serialize)]
struct Found<'a> {
    entries: Vec<&'a Listed>,
}

impl Verb for Show {
    fn run(&self, terminal: &Terminal) -> Result<Answer, Failure> {
        let all = catalogue::all();
        let entries: Vec<&Listed> =
            all.iter().filter(|listed| listed.card.name == self.name).collect();
        if entries.is_empty() {
            return Err(unknown(&self.name, &all));
        }
        let pages: Vec<String> = entries.iter().map(|listed| page(listed, terminal)).collect();
        Ok(Answer::done(Found { entries }, pages.join("\n")))
    }
}

fn unknown(name: &str, all: &[Listed]) -> Failure {
    let known: Vec<&str> = all.iter().map(|listed| listed.card.name).collect();
    Failure {
        code: "unknown-name",
        ..Failure::usage(format!(
            "nothing is called `{name}`; `oubliette list` names them all: {}",
            known.join(", ")
        ))
    }
}

fn page(listed: &Listed, terminal: &Terminal) -> String {
    let card = listed.card;
    let mut text = format!("{} ({})\n", terminal.bold(card.name), listed.kind);
    let mut row = |title: &str, words: &str| {
        if !words.is_empty() {
            text.push_str(&format!("  {title:16} {words}\n"));
        }
    };
    row("what it does", card.what);
    row("what it changes", card.changes);
    row("cost", card.cost);
    row("known to fail by", card.broken_by);
    row("source", card.source);
    row("where we differ", card.differs);
    if card.carries_concept {
        row(
            "decides",
            "only against a control that never saw the concept: it shows the model the concept",
        );
    }
    if card.best_of {
        row(
            "decides",
            "only against a control that never saw the concept: it keeps the best of many",
        );
    }
    text.push_str(&settings(listed));
    text
}

fn settings(listed: &Listed) -> String {
    if listed.settings.is_empty() {
        return "  settings         none\n".into();
    }
    let Some(defaults) = &listed.defaults else {
        let names = listed.settings.join(", ");
        return format!(
            "  settings         {names}; some of them must be given (a refusal names them)\n"
        );
    };
    let (lines, mut text) = (defaults.to_string(), "  settings and their defaults\n".to_owned());
    lines.lines().for_each(|line| text += &format!("    {line}\n"));
    let unset = listed.settings.iter().filter(|name| !defaults.contains_key(**name));
    match unset.copied().collect::<Vec<_>>() {
        none if none.is_empty() => text,
        unset => text + &format!("    unless given, unset: {}\n", unset.join(", ")),
    }
}
