//! What can be typed: options that every command shares, and one verb each from `cmd`.
use crate::cmd::Command;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use clap::{ArgAction, Args, Parser};
use std::ffi::OsString;

/// Makes generative models forget a concept, and shows whether it stays forgotten.
#[derive(Debug, Parser)]
#[command(
    name = "oubliette",
    version,
    max_term_width = 110,
    propagate_version = true,
    after_help = "\
Examples:
  oubliette list attacks                                  what an examiner can try
  oubliette show esd                                      a method's card: source, settings, known to be broken by
  oubliette unlearn recipes/forget-lion.toml              make a model forget
  oubliette audit recipes/audit-lion.toml                 see whether it stays forgotten

Exit codes:
  0 held, or done    1 broken    2 the input or usage is wrong    3 cannot decide
  4 integrity failure    70 a bug    75 try again: a rerun resumes"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Common {
    /// Print one JSON object on stdout instead of words
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) json: bool,
    /// No progress bars; only the answer and errors
    #[arg(short, long, global = true, help_heading = "Output")]
    pub(crate) quiet: bool,
    /// Log what is done to stderr (twice: also what the libraries below say)
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Output")]
    pub(crate) verbose: u8,
}

/// What was typed, or how the program ends because nothing is left to do.
pub(crate) fn parse(arguments: Vec<OsString>) -> Result<Cli, Exit> {
    let json = arguments.iter().any(|argument| argument == "--json");
    Cli::try_parse_from(arguments).map_err(|error| refused(&error, json))
}

/// Help and version are answers; anything else is wrong usage.
fn refused(error: &clap::Error, json: bool) -> Exit {
    if !error.use_stderr() {
        // Whoever piped the help into `head` has read enough.
        let _ = error.print();
        return Exit::Done;
    }
    if !json {
        let _ = error.print();
        return Exit::Input;
    }
    let common = Common { json, ..Common::default() };
    let words = error.to_string();
    let failure = Failure::usage(words.trim_start_matches("error: ").trim_end());
    crate::exit::answered(&Terminal::new(&common), "", Err(failure))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
