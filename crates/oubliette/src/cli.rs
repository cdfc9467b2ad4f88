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
  oubliette list attacks              # what an examiner can try
  oubliette show esd                  # source, settings, what breaks it
  oubliette unlearn forget-lion.toml  # make a model forget
  oubliette audit audit-lion.toml     # see whether it stays forgotten

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

    /// Words of a line as a shell makes them, without comments; nothing here needs more than double quotes.
    fn words(line: &str) -> Vec<String> {
        let mut quoted = line.split('"').enumerate();
        let all = quoted.by_ref().take_while(|(at, part)| at % 2 == 1 || !part.starts_with('#'));
        let split = |(at, part): (usize, &str)| match at % 2 {
            1 => vec![part.to_owned()],
            _ => part.split_whitespace().map(str::to_owned).collect(),
        };
        let words: Vec<String> = all.flat_map(split).collect();
        words.into_iter().take_while(|word| !word.starts_with('#')).collect()
    }

    #[test]
    fn examples_can_be_pasted() {
        let (mut program, mut tried) = (Cli::command(), 0);
        program.build();
        for command in std::iter::once(&program).chain(program.get_subcommands()) {
            let Some(help) = command.get_after_help().map(ToString::to_string) else { continue };
            let examples = help.split("\n\n").next().unwrap_or_default();
            assert!(examples.lines().all(|line| line.len() < 79), "{examples}");
            for line in examples.replace("\\\n", "").lines() {
                let words = words(line);
                if words.first().is_some_and(|word| word == "oubliette") {
                    Cli::try_parse_from(&words).unwrap_or_else(|error| panic!("{line}\n{error}"));
                    tried += 1;
                }
            }
        }
        assert!(tried > 25, "{tried}");
    }
}
