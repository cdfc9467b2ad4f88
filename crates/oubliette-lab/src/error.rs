//! What can go wrong in the laboratory: each message names the file, the thing and what to do.

use std::path::PathBuf;

/// How a caller should treat an error; the command line's exit codes follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The recipe, the data or the usage is wrong; nothing will change until the user changes it.
    Input,
    /// The disk was full, a lock was held, the run was interrupted: run it again and it resumes.
    Retry,
    /// Something that must not have changed has changed.
    Integrity,
    /// A fault of this program.
    Bug,
}

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that no list knows.
    #[error("no {what} is called `{name}`; known: {known}")]
    Unknown {
        /// The word for the list's members.
        what: &'static str,
        /// The name that was asked for.
        name: String,
        /// All names there are.
        known: String,
    },
    /// Settings that a listed thing refuses.
    #[error("the settings of {what} `{name}` are refused; mend or leave out what is named here")]
    Settings {
        /// The word for the list's members.
        what: &'static str,
        /// Whose settings.
        name: String,
        /// What the parser said.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// Something the user gave is wrong.
    #[error("{file}: {thing}; {remedy}")]
    Input {
        /// The file, or where there is none, what was being read.
        file: String,
        /// What is wrong.
        thing: String,
        /// What to do.
        remedy: String,
    },
    /// A device or a number format that this work cannot be done with, though another one can.
    #[error("{place}: {thing}; {remedy}")]
    Compute {
        /// The run, or where there is none, what asked for it.
        place: String,
        /// What is wrong.
        thing: String,
        /// What to do.
        remedy: String,
    },
    /// Something else lies where a result belongs.
    #[error("`{}` exists already and is not what this run writes; remove it, or write to another place (`out`, `adapter`)", .path.display())]
    Taken {
        /// The place.
        path: PathBuf,
    },
    /// Training left the numbers that mean anything; nothing was written.
    #[error(
        "training diverged at step {step}: {what}; losses before it: {losses}; nothing was written; lower the learning rate (now {learning_rate:e})"
    )]
    Diverged {
        /// The step, counted from 1.
        step: u64,
        /// What was seen.
        what: String,
        /// The last few losses.
        losses: String,
        /// The learning rate that was in use.
        learning_rate: f64,
    },
    /// Everything was done, and no weight is another; nothing was written.
    #[error(
        "`{method}` has changed no weight by as much as the model's files can hold, so nothing is forgotten; nothing was written; choose other settings, for example more `steps` or a larger `learning_rate`"
    )]
    Unchanged {
        /// The method.
        method: String,
    },
    /// Another process works in this run folder.
    #[error("`{}` is in use by another process; wait for it, then run this again", .folder.display())]
    Held {
        /// The run folder.
        folder: PathBuf,
    },
    /// The caller asked to stop; what is done is kept.
    #[error("interrupted with {done} of {total} units done; run the same command again to resume")]
    Interrupted {
        /// Units that are complete.
        done: u64,
        /// Units there are.
        total: u64,
    },
    /// A file could not be read or written.
    #[error("cannot {doing} `{}`", .path.display())]
    Io {
        /// What was being done: `write`, `read`, `lock`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A picture could not be read or written.
    #[error("cannot {doing} the picture `{}`; give a PNG, JPEG or WebP file", .path.display())]
    Picture {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        #[source]
        source: image::ImageError,
    },
    /// What lies in a run folder is not what was written there.
    #[error("`{}` is not what this run wrote: {thing}; remove the folder to start afresh", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// What is different.
        thing: String,
    },
    /// A file of a run folder is not what this program writes.
    #[error("{0}, or give another --runs")]
    Damaged(#[source] oubliette_evidence::Error),
    /// The model core refused or failed.
    #[error(transparent)]
    Model(#[from] oubliette_model::Error),
    /// The evidence core refused or failed.
    #[error(transparent)]
    Evidence(#[from] oubliette_evidence::Error),
}

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A name for programs; it stays the same when the words change.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Unknown { .. } => "unknown-name",
            Error::Settings { .. } => "settings",
            Error::Input { .. } => "input",
            Error::Compute { .. } => "compute",
            Error::Taken { .. } => "already-exists",
            Error::Diverged { .. } => "diverged",
            Error::Unchanged { .. } => "unchanged",
            Error::Held { .. } => "held",
            Error::Interrupted { .. } => "interrupted",
            Error::Io { .. } => "io",
            Error::Picture { .. } => "picture",
            Error::Changed { .. } => "changed",
            Error::Model(error) => error.code(),
            Error::Damaged(error) | Error::Evidence(error) => error.code(),
        }
    }

    /// How a caller should treat this error.
    pub fn class(&self) -> Class {
        match self {
            Error::Held { .. } | Error::Interrupted { .. } => Class::Retry,
            Error::Changed { .. } | Error::Damaged(_) => Class::Integrity,
            Error::Io { source, .. }
            | Error::Picture { source: image::ImageError::IoError(source), .. }
            | Error::Evidence(oubliette_evidence::Error::Io { source, .. })
                if oubliette_model::error::may_pass(source.kind()) =>
            {
                Class::Retry
            }
            _ => Class::Input,
        }
    }

    /// A file of a run folder that is refused; where the system would not have it read, that says nothing of what is in it.
    pub fn damaged(error: oubliette_evidence::Error) -> Error {
        match error {
            oubliette_evidence::Error::Io { .. } => Error::Evidence(error),
            _ => Error::Damaged(error),
        }
    }

    /// A refusal of what a method's settings, or its parts, have set.
    pub(crate) fn in_method(thing: &str, remedy: &str) -> Error {
        Error::Input {
            file: "the recipe, table `[method]`".to_owned(),
            thing: thing.to_owned(),
            remedy: remedy.to_owned(),
        }
    }

    /// Wraps what the system said about `path`.
    pub fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.into();
        move |source| Error::Io { doing, path, source }
    }
}
