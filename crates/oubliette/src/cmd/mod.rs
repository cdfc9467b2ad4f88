//! The verbs, one file each, and what every one of them answers.
mod audit;
mod cell;
mod compare;
mod demo;
mod generate;
mod judged;
mod list;
mod place;
mod planned;
mod report;
mod running;
mod show;
mod train;
mod tune;
mod unlearn;
mod update;
mod verify;
mod words;

use crate::compute::Compute;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use clap::Subcommand;
use serde::Serialize;
use serde_json::Value;

/// What a command has to say when it is done.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) exit: Exit,
    /// For programs: the `result` of the object that `--json` prints.
    pub(crate) result: Value,
    /// For people.
    pub(crate) text: String,
}

impl Answer {
    /// An answer to a command that did what it was asked.
    pub(crate) fn done(result: impl Serialize, text: impl Into<String>) -> Answer {
        Answer::ending(Exit::Done, result, text)
    }

    /// An answer that decides how the program ends.
    pub(crate) fn ending(exit: Exit, result: impl Serialize, text: impl Into<String>) -> Answer {
        let result =
            serde_json::to_value(result).expect("results are plain structs with text keys");
        Answer { exit, result, text: text.into() }
    }
}

/// Something that can be done.
pub(crate) trait Verb: Sync {
    /// Where it computes; nothing for verbs that only read and write.
    fn compute(&self) -> Option<&Compute> {
        None
    }

    /// Does it; `terminal` is for what is told on the way.
    fn run(&self, terminal: &Terminal) -> Result<Answer, Failure>;
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::Demo),
    Generate(generate::Generate),
    Train(train::Train),
    Unlearn(unlearn::Unlearn),
    Update(update::Update),
    Audit(audit::Audit),
    Compare(compare::Compare),
    Tune(tune::Tune),
    Words(words::Words),
    Report(report::Report),
    Verify(verify::Verify),
    List(list::List),
    Show(show::Show),
}

impl Command {
    /// The verb as it is typed, and what does it.
    pub(crate) fn verb(&self) -> (&'static str, &dyn Verb) {
        match self {
            Command::Demo(verb) => ("demo", verb),
            Command::Generate(verb) => ("generate", verb),
            Command::Train(verb) => ("train", verb),
            Command::Unlearn(verb) => ("unlearn", verb),
            Command::Update(verb) => ("update", verb),
            Command::Audit(verb) => ("audit", verb),
            Command::Compare(verb) => ("compare", verb),
            Command::Tune(verb) => ("tune", verb),
            Command::Words(verb) => ("words", verb),
            Command::Report(verb) => ("report", verb),
            Command::Verify(verb) => ("verify", verb),
            Command::List(verb) => ("list", verb),
            Command::Show(verb) => ("show", verb),
        }
    }
}
