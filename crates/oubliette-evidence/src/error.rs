//! What can go wrong when evidence is read, and what to do about it.

use std::path::{Path, PathBuf};

/// Every refusal of this crate: the file, the thing in it, and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A recipe or a concept file that cannot be used.
    #[error("{}:{line}:{column}: {thing}; {remedy}", file.display())]
    Recipe {
        /// The file as the caller named it.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong.
        thing: String,
        /// What to do.
        remedy: String,
    },
    /// A file of a run folder that is not what its specification says.
    #[error("{}: {thing}; {remedy}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        thing: String,
        /// What to do.
        remedy: String,
    },
    /// A line of an event file that is no event, or one that contradicts or repeats an earlier one.
    #[error("line {line} of {}: {thing}; {remedy}", file.display())]
    Event {
        /// The event file.
        file: PathBuf,
        /// Line in the event file, from 1.
        line: usize,
        /// What is wrong.
        thing: String,
        /// What to do.
        remedy: String,
    },
    /// A number that may not stand where it stands.
    #[error("`{value}` is not {wanted}; write {wanted}")]
    Number {
        /// The value as text.
        value: String,
        /// What was wanted.
        wanted: &'static str,
    },
    /// A value that canonical JSON has no form for.
    #[error("cannot write {thing}: {remedy}")]
    Canonical {
        /// What was to be written.
        thing: String,
        /// What to do.
        remedy: String,
    },
    /// A value that contradicts itself, met outside a file.
    #[error("{thing}; {remedy}")]
    Value {
        /// What is wrong.
        thing: String,
        /// What to do.
        remedy: String,
    },
    /// The file system said no.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// The stable code of this kind of refusal, for machine-readable output.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Recipe { .. } => "recipe",
            Self::File { .. } => "evidence-file",
            Self::Event { .. } => "evidence-event",
            Self::Number { .. } => "number",
            Self::Canonical { .. } => "canonical",
            Self::Value { .. } => "contradiction",
            Self::Io { .. } => "io",
        }
    }

    /// Wraps what the file system said about `file`.
    pub fn io(file: &Path, source: std::io::Error) -> Self {
        Self::Io { file: file.to_owned(), source }
    }

    /// A file of a run folder that is refused.
    pub fn file(file: &Path, thing: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::File { file: file.to_owned(), thing: thing.into(), remedy: remedy.into() }
    }

    /// A value that contradicts itself.
    pub fn value(thing: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Value { thing: thing.into(), remedy: remedy.into() }
    }
}

/// The result of everything here that can refuse.
pub type Result<T, E = Error> = std::result::Result<T, E>;
