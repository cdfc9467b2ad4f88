//! What can go wrong with a model: each error names the file, the thing in it and the remedy.

use std::io;
use std::path::{Path, PathBuf};

mod clean;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a model could not be read, run or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read.
    #[error("cannot read `{}`: {source}", clean::place(path))]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file or folder could not be written.
    #[error("cannot write `{}`: {source}", clean::place(path))]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file as a whole is not what it should be.
    #[error("`{}`: {why}; {remedy}", clean::place(path))]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
        /// What to do.
        remedy: String,
    },
    /// A key of a JSON or TOML file has a value that cannot be used.
    #[error("`{}`: key `{key}` {why}; {remedy}", clean::place(path))]
    Config {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What is wrong with its value.
        why: String,
        /// What to do.
        remedy: String,
    },
    /// A tensor of a weight file cannot be used.
    #[error("`{}`: tensor `{key}` {why}; {remedy}", clean::place(path))]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The name of the tensor.
        key: String,
        /// What is wrong with it.
        why: String,
        /// What to do.
        remedy: String,
    },
    /// The place to write to is taken.
    #[error("`{}` exists already; choose another name or remove it first", clean::place(path))]
    Exists {
        /// The file or folder.
        path: PathBuf,
    },
    /// A pattern that selects weights is malformed or selects nothing.
    #[error("weight pattern `{pattern}` {why}; {remedy}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        why: String,
        /// What to do.
        remedy: String,
    },
    /// A setting or a request has a value that cannot be used.
    #[error("setting `{setting}` {why}; {remedy}")]
    Setting {
        /// The setting.
        setting: String,
        /// What is wrong with its value.
        why: String,
        /// What to do.
        remedy: String,
    },
    /// Training left the numbers that mean anything.
    #[error(
        "training diverged at step {step}: the loss is {loss}, the norm of its gradients {gradient_norm}; \
         lower `pace.learning_rate` (now {learning_rate:e}) or `pace.clip_norm`"
    )]
    Diverged {
        /// The step, counted from 1.
        step: u64,
        /// The loss.
        loss: f64,
        /// The norm of all gradients, before they were clipped.
        gradient_norm: f64,
        /// The highest learning rate, as the recipe names it.
        learning_rate: f64,
    },
    /// The caller asked to stop; what was done so far is kept.
    #[error("interrupted; run the same command again to go on")]
    Interrupted,
}

impl Error {
    /// A file as a whole is not what it should be.
    pub fn file(path: &Path, why: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (why, remedy) = (clean::sentence(why), clean::sentence(remedy));
        Self::File { path: path.to_owned(), why, remedy }
    }

    /// A key of a configuration file cannot be used.
    pub fn config(
        path: &Path,
        key: impl Into<String>,
        why: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let key = clean::name(key);
        let (why, remedy) = (clean::sentence(why), clean::sentence(remedy));
        Self::Config { path: path.to_owned(), key, why, remedy }
    }

    /// A tensor of a weight file cannot be used.
    pub fn tensor(
        path: &Path,
        key: impl Into<String>,
        why: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let key = clean::name(key);
        let (why, remedy) = (clean::sentence(why), clean::sentence(remedy));
        Self::Tensor { path: path.to_owned(), key, why, remedy }
    }

    /// A setting or a request cannot be used.
    pub fn setting(
        setting: impl Into<String>,
        why: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let setting = clean::name(setting);
        let (why, remedy) = (clean::sentence(why), clean::sentence(remedy));
        Self::Setting { setting, why, remedy }
    }

    /// Names the file that could not be read.
    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Read { path, source }
    }

    /// Names the file that could not be written.
    pub fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Write { path, source }
    }

    /// A name for programs; it stays the same when the words change.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "model-unreadable",
            Self::Write { .. } => "model-unwritable",
            Self::File { .. } => "model-file",
            Self::Config { .. } => "model-config",
            Self::Tensor { .. } => "model-tensor",
            Self::Exists { .. } => "already-exists",
            Self::Pattern { .. } => "weight-pattern",
            Self::Setting { .. } => "setting",
            Self::Diverged { .. } => "diverged",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether the same command may succeed later: a full disk, an interruption.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Interrupted => true,
            Self::Write { source, .. } => may_pass(source.kind()),
            _ => false,
        }
    }
}

/// Whether what the system refused may be otherwise at the next try: room, and what somebody else holds. All else stays as it is until somebody
/// changes it.
pub fn may_pass(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{
        FileTooLarge, Interrupted, OutOfMemory, QuotaExceeded, ResourceBusy, StorageFull,
        WouldBlock,
    };
    matches!(
        kind,
        FileTooLarge
            | Interrupted
            | OutOfMemory
            | QuotaExceeded
            | ResourceBusy
            | StorageFull
            | WouldBlock
    )
}
