//! What the user sees: words or one JSON object on stdout, everything else on stderr.
use crate::cli::Common;
use crate::cmd::Answer;
use crate::failure::Failure;
use oubliette_evidence::harmless;
use serde_json::{Value, json};
use std::io::{self, IsTerminal, Write};
use tracing::Level;

/// The version of the object that `--json` prints; raised when an old reader would misread it.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// Begins what is bold, and ends it.
const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";

/// How much is said, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    json: bool,
    quiet: bool,
    colour: bool,
    watched: bool,
}

impl Terminal {
    /// What the options and the environment ask for.
    pub(crate) fn new(common: &Common) -> Terminal {
        Terminal {
            json: common.json,
            quiet: common.quiet,
            colour: !no_colour() && !common.json && io::stdout().is_terminal(),
            watched: !common.quiet && io::stderr().is_terminal(),
        }
    }

    /// Whether somebody is there to watch a progress bar.
    pub(crate) fn watched(&self) -> bool {
        self.watched
    }

    /// The text in bold where that is shown.
    pub(crate) fn bold(&self, text: &str) -> String {
        if self.colour { format!("{BOLD}{text}{PLAIN}") } else { text.to_owned() }
    }

    /// The text without what a terminal would obey: much of it is the words of strangers. Our own bold stays, which is the worst that they could do then.
    fn harmless(&self, text: &str) -> String {
        if !self.colour {
            return harmless::page(text);
        }
        let plain = |part: &str| part.split(PLAIN).map(harmless::page).collect::<Vec<_>>();
        let parts: Vec<String> = text.split(BOLD).map(|part| plain(part).join(PLAIN)).collect();
        parts.join(BOLD)
    }

    /// Tells people how far a long story is; programs read the answer only. That nobody listens is no reason to fail.
    pub(crate) fn say(&self, text: &str) {
        if !self.json && !self.quiet {
            let _ = writeln!(io::stdout().lock(), "{}", self.harmless(text));
        }
    }

    /// Prints what a command answered.
    pub(crate) fn answer(&self, command: &str, answer: &Answer) -> io::Result<()> {
        if self.json {
            return object(json!({
                "schema_version": SCHEMA_VERSION,
                "command": command,
                "exit_code": answer.exit.code(),
                "result": answer.result,
            }));
        }
        let mut out = io::stdout().lock();
        if !answer.text.is_empty() {
            writeln!(out, "{}", self.harmless(answer.text.trim_end()))?;
        }
        out.flush()
    }

    /// Prints why a command failed.
    pub(crate) fn failure(&self, command: &str, failure: &Failure) -> io::Result<()> {
        complain(&format!("error: {}", failure.message));
        if !self.json {
            return Ok(());
        }
        object(json!({
            "schema_version": SCHEMA_VERSION,
            "command": command,
            "exit_code": failure.exit.code(),
            "error": { "code": failure.code, "message": failure.message },
        }))
    }
}

/// A line on stderr, without what a terminal would obey; that nobody reads it is no reason to fail.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", harmless::page(line.trim_end()));
}

fn object(value: Value) -> io::Result<()> {
    let text = harmless::json(&serde_json::to_string_pretty(&value)?);
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Begins to log to stderr, as much as was asked for.
pub(crate) fn log(verbose: u8) {
    let level = match verbose {
        0 => Level::WARN,
        1 => Level::INFO,
        _ => Level::DEBUG,
    };
    let plain = !io::stderr().is_terminal() || no_colour();
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_ansi(!plain)
        .init();
}

fn no_colour() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_a_terminal_obeys_only_our_bold_is_left() {
        for colour in [false, true] {
            let terminal = Terminal { json: false, quiet: false, colour, watched: false };
            let text = format!("{}\n\x1b[2J\u{202e}x", terminal.bold("a\x1b]0;b"));
            let bold = if colour { "\x1b[1ma\u{fffd}]0;b\x1b[0m" } else { "a\u{fffd}]0;b" };
            assert_eq!(terminal.harmless(&text), format!("{bold}\n\u{fffd}[2J\u{fffd}x"));
        }
    }
}
