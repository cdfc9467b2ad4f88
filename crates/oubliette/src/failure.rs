//! Why a command failed: a stable code for programs, a sentence for people, and the exit it leads to.
use crate::exit::{self, Exit};
use oubliette_lab::Class;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::path::Path;

/// What else can be done about a failure than to end with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Something that was set is wrong; other settings might not fail so.
    Settings,
    /// Training left the numbers that mean anything, or no weight where it was not; other settings might do otherwise.
    Diverged,
    /// Another process is at the same run; other runs can go on.
    Held,
    /// Nothing.
    Other,
}

/// One failure, however deep it came from.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// Stable across versions: what `--json` prints as `error.code`.
    pub(crate) code: &'static str,
    pub(crate) exit: Exit,
    pub(crate) kind: Kind,
    /// Names the file, the thing and what to do.
    pub(crate) message: String,
}

impl Failure {
    /// One that ends whatever met it.
    pub(crate) fn new(code: &'static str, exit: Exit, message: impl Into<String>) -> Failure {
        Failure { code, exit, kind: Kind::Other, message: message.into() }
    }

    /// The user asked for something that cannot be.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure::new("usage", Exit::Input, message)
    }

    /// Something else lies where an embedded file belongs.
    pub(crate) fn taken(path: &Path) -> Failure {
        let message = format!(
            "`{}` is there already and is not what this program carries; choose another folder with `--out`, or run your own \
             recipes with the other verbs",
            path.display()
        );
        Failure::new("already-exists", Exit::Input, message)
    }

    /// A kept verdict is not the one that follows from the evidence beside it.
    pub(crate) fn differs(path: &Path) -> Failure {
        let message = format!(
            "`{}` is not what follows from the events beside it; restore the folder, or remove it and run the cell again",
            path.display()
        );
        Failure::new("verdict-differs", Exit::Integrity, message)
    }

    /// A result cannot be written.
    pub(crate) fn unwritable(path: &Path, source: &std::io::Error) -> Failure {
        let message = format!(
            "`{}` cannot be written: {source}; choose another place or make room, and run the same command again",
            path.display()
        );
        Failure::new("file-unwritable", exit::of(source, Exit::Input), message)
    }

    /// A run's file is not what the program wrote.
    pub(crate) fn changed(error: oubliette_evidence::Error) -> Failure {
        Failure { exit: exit::of(&error, Exit::Integrity), ..Failure::from(error) }
    }

    /// Something happened that cannot happen.
    pub(crate) fn bug(error: &dyn Error) -> Failure {
        let message = format!("{error}: this is a bug; please report it with the command line");
        Failure::new("bug", Exit::Bug, message)
    }
}

impl From<oubliette_model::Error> for Failure {
    fn from(error: oubliette_model::Error) -> Failure {
        let said = if error.is_temporary() { Exit::TryAgain } else { Exit::Input };
        let kind = match error {
            oubliette_model::Error::Pattern { .. } | oubliette_model::Error::Setting { .. } => {
                Kind::Settings
            }
            _ => Kind::Other,
        };
        Failure { kind, ..Failure::new(error.code(), exit::of(&error, said), whole(&error)) }
    }
}

impl From<oubliette_canvas::folder::Error> for Failure {
    fn from(error: oubliette_canvas::folder::Error) -> Failure {
        Failure::new("file-unwritable", exit::of(&error, Exit::Input), whole(&error))
    }
}

impl From<oubliette_evidence::Error> for Failure {
    fn from(error: oubliette_evidence::Error) -> Failure {
        Failure::new(error.code(), exit::of(&error, Exit::Input), whole(&error))
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
        let kind = match error {
            oubliette_lab::Error::Model(error) => return error.into(),
            oubliette_lab::Error::Evidence(error) => return error.into(),
            oubliette_lab::Error::Unknown { .. }
            | oubliette_lab::Error::Settings { .. }
            | oubliette_lab::Error::Input { .. } => Kind::Settings,
            oubliette_lab::Error::Diverged { .. } | oubliette_lab::Error::Unchanged { .. } => {
                Kind::Diverged
            }
            oubliette_lab::Error::Held { .. } => Kind::Held,
            _ => Kind::Other,
        };
        Failure { kind, ..Failure::new(error.code(), exit::of(&error, said), whole(&error)) }
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
        ErrorKind::WouldBlock => "wait for it, or choose another `out`",
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
    fn what_can_be_done_is_told_by_kinds() {
        let held = oubliette_lab::Error::Held { folder: "run".into() };
        let input = oubliette_lab::Error::Input {
            file: "x".into(),
            thing: "is odd".into(),
            remedy: "mend it".into(),
        };
        let diverged = oubliette_lab::Error::Diverged {
            step: 1,
            what: "NaN".into(),
            losses: String::new(),
            learning_rate: 1.0,
        };
        let setting = || oubliette_model::Error::setting("x", "is odd", "mend it");
        let missing = oubliette_model::Error::read(Path::new("x"))(ErrorKind::NotFound.into());
        for (failure, kind) in [
            (Failure::from(held), Kind::Held),
            (Failure::from(input), Kind::Settings),
            (Failure::from(diverged), Kind::Diverged),
            (Failure::from(setting()), Kind::Settings),
            (Failure::from(oubliette_lab::Error::Model(setting())), Kind::Settings),
            (Failure::from(missing), Kind::Other),
            (Failure::usage("no"), Kind::Other),
        ] {
            assert_eq!(failure.kind, kind, "{failure:?}");
        }
    }

    #[test]
    fn who_comes_second_is_told_to_wait() {
        let held = io::Error::new(ErrorKind::WouldBlock, "another run is writing it");
        let failure = Failure::from(oubliette_model::Error::write(Path::new("x"))(held));
        assert_eq!(failure.exit, Exit::TryAgain);
        assert!(failure.message.contains("it; wait for it, or"), "{}", failure.message);
    }

    #[test]
    fn causes_are_said_once() {
        let missing = io::Error::from(io::ErrorKind::NotFound);
        let words = Failure::from(oubliette_model::Error::read(Path::new("x"))(missing)).message;
        assert_eq!(words.matches("entity not found").count(), 1, "{words}");
    }
}
