//! What the user sees: words or one JSON object on stdout, everything else on stderr.
use crate::cli::Common;
use crate::cmd::Answer;
use crate::failure::Failure;
use serde_json::{Value, json};
use std::io::{self, IsTerminal, Write};
use tracing::Level;

/// The version of the object that `--json` prints; raised when an old reader would misread it.
pub(crate) const SCHEMA_VERSION: u32 = 1;

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
        if self.colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Tells people how far a long story is; programs read the answer only. That nobody listens is no reason to fail.
    pub(crate) fn say(&self, text: &str) {
        if !self.json && !self.quiet {
            let _ = writeln!(io::stdout().lock(), "{text}");
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
            writeln!(out, "{}", answer.text.trim_end())?;
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

/// A line on stderr; that nobody reads it is no reason to fail.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", line.trim_end());
}

fn object(value: Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &value)?;
    writeln!(out)?;
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
