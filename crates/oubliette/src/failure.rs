//! Why a command failed: a stable code for programs, a sentence for people, and the exit it leads to.
use crate::exit::{self, Exit};
use oubliette_lab::Class;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::path::Path;

/// One failure, however deep it came from.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Stable across versions: what `--json` prints as `error.code`.
    pub(crate) code: &'static str,
    pub(crate) exit: Exit,
    /// Names the file, the thing and what to do.
    pub(crate) message: String,
}

impl Failure {
    /// The user asked for something that cannot be.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure { code: "usage", exit: Exit::Input, message: message.into() }
    }

    /// Something else lies where an embedded file belongs.
    pub(crate) fn taken(path: &Path) -> Failure {
        Failure {
            code: "already-exists",
            exit: Exit::Input,
            message: format!(
                "`{}` is there already and is not what this program carries; choose another folder with `--out`, or run your own \
                 recipes with the other verbs",
                path.display()
            ),
        }
    }

    /// A kept verdict is not the one that follows from the evidence beside it.
    pub(crate) fn differs(path: &Path) -> Failure {
        Failure {
            code: "verdict-differs",
            exit: Exit::Integrity,
            message: format!(
                "`{}` is not what follows from the events beside it; restore the folder, or remove it and run the cell again",
                path.display()
            ),
        }
    }

    /// A result cannot be written.
    pub(crate) fn unwritable(path: &Path, source: &std::io::Error) -> Failure {
        Failure {
            code: "file-unwritable",
            exit: exit::of(source, Exit::Input),
            message: format!(
                "`{}` cannot be written: {source}; choose another place or make room, and run the same command again",
                path.display()
            ),
        }
    }

    /// A run's file is not what the program wrote.
    pub(crate) fn changed(error: oubliette_evidence::Error) -> Failure {
        Failure { exit: exit::of(&error, Exit::Integrity), ..Failure::from(error) }
    }

    /// Something happened that cannot happen.
    pub(crate) fn bug(error: &dyn Error) -> Failure {
        let message = format!("{error}: this is a bug; please report it with the command line");
        Failure { code: "bug", exit: Exit::Bug, message }
    }
}

impl From<oubliette_model::Error> for Failure {
    fn from(error: oubliette_model::Error) -> Failure {
        let said = if error.is_temporary() { Exit::TryAgain } else { Exit::Input };
        Failure { code: error.code(), exit: exit::of(&error, said), message: whole(&error) }
    }
}

impl From<oubliette_canvas::folder::Error> for Failure {
    fn from(error: oubliette_canvas::folder::Error) -> Failure {
        Failure {
            code: "file-unwritable",
            exit: exit::of(&error, Exit::Input),
            message: whole(&error),
        }
    }
}

impl From<oubliette_evidence::Error> for Failure {
    fn from(error: oubliette_evidence::Error) -> Failure {
        Failure { code: error.code(), exit: exit::of(&error, Exit::Input), message: whole(&error) }
    }
}

impl From<oubliette_lab::Error> for Failure {
    fn from(error: oubliette_lab::Error) -> Failure {
        let said = match error.class() {
            Class::Input => Exit::Input,
            Class::Retry => Exit::TryAgain,
            Class::Integrity => Exit::Integrity,
            Class::Bug => Exit::Bug,
        };
        match error {
            oubliette_lab::Error::Model(error) => error.into(),
            oubliette_lab::Error::Evidence(error) => error.into(),
            error => {
                Failure { code: error.code(), exit: exit::of(&error, said), message: whole(&error) }
            }
        }
    }
}

/// The error with its causes, each said once, and what to do where the system refused and nobody says it.
fn whole(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut remedy = None;
    let mut cause = Some(error);
    while let Some(now) = cause {
        let said = now.to_string();
        if !words.contains(said.trim()) {
            words = format!("{words}: {}", said.trim());
        }
        remedy = remedy.or(now.downcast_ref().map(|refused: &io::Error| mend(refused.kind())));
        cause = now.source();
    }
    match remedy {
        Some(remedy) if !words.contains("; ") => format!("{words}; {remedy}"),
        _ => words,
    }
}

/// What helps against what the system said.
fn mend(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "check the path",
        ErrorKind::PermissionDenied => "check its permissions",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "make room and run the same command again"
        }
        _ => "check that it is a plain file or folder that can be read",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_worth_another_try_whoever_reports_it() {
        let path = Path::new("somewhere");
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(Failure::unwritable(path, &full()).exit, Exit::TryAgain);
        let deep = oubliette_model::Error::write(path)(full());
        assert_eq!(Failure::from(deep).exit, Exit::TryAgain);
    }

    #[test]
    fn causes_are_said_once() {
        let missing = io::Error::from(io::ErrorKind::NotFound);
        let words = Failure::from(oubliette_model::Error::read(Path::new("x"))(missing)).message;
        assert_eq!(words.matches("entity not found").count(), 1, "{words}");
    }
}
