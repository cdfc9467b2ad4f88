//! Decides the exit code, in one place: nothing else in the program knows these numbers.
use crate::cmd::Answer;
use crate::failure::Failure;
use crate::interrupt;
use crate::terminal::Terminal;
use oubliette_evidence::Verdict;
use oubliette_model::error::may_pass;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The claim held, or what was asked for is done.
    Done,
    /// The claim is broken.
    Broken,
    /// The input or the usage is wrong.
    Input,
    /// It cannot be decided.
    Undecided,
    /// Bytes are not what they say they are.
    Integrity,
    /// A mistake in the program itself.
    Bug,
    /// Disk full, lock held, interrupted, out of memory: a rerun resumes.
    TryAgain,
}

impl Exit {
    /// What a verdict ends with.
    pub(crate) fn of(verdict: &Verdict) -> Exit {
        match verdict {
            Verdict::Held { .. } => Exit::Done,
            Verdict::Broken { .. } => Exit::Broken,
            Verdict::Inconclusive { .. } => Exit::Undecided,
        }
    }

    /// The number that the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Broken => 1,
            Exit::Input => 2,
            Exit::Undecided => 3,
            Exit::Integrity => 4,
            Exit::Bug => 70,
            Exit::TryAgain => 75,
        }
    }
}

/// Ends the process now, without unwinding and without closing anything.
pub(crate) fn at_once(exit: Exit) -> ! {
    // SAFETY: ends the process; nothing of it runs on.
    unsafe { libc::_exit(exit.code().into()) }
}

/// Runs the program; a panic becomes a request for a report instead of a dump.
pub(crate) fn guarded(program: impl FnOnce() -> Exit) -> ExitCode {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(String::new, |at| format!(" ({at})"));
        let words = info.payload_as_str().unwrap_or("no message");
        crate::terminal::complain(&format!(
            "error: oubliette has a bug: {words}{place}\nWhat is finished is kept. Please report this with the command line and \
             the line above; RUST_BACKTRACE=1 adds where it came from."
        ));
        if std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0") {
            crate::terminal::complain(&std::backtrace::Backtrace::force_capture().to_string());
        }
    }));
    let exit = catch_unwind(AssertUnwindSafe(program)).unwrap_or(Exit::Bug);
    ExitCode::from(exit.code())
}

/// Shows what a command answered and says how it ends.
pub(crate) fn answered(
    terminal: &Terminal,
    command: &str,
    answer: Result<Answer, Failure>,
) -> Exit {
    let (exit, shown) = match answer {
        Ok(answer) => (answer.exit, terminal.answer(command, &answer)),
        Err(failure) => (failure.exit, terminal.failure(command, &failure)),
    };
    match shown {
        // Whoever read us has heard enough; what was done is done.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => exit,
        Err(error) => {
            crate::terminal::complain(&format!("error: cannot write the answer: {error}"));
            Exit::TryAgain
        }
        Ok(()) => exit,
    }
}

/// The exit of a library's error: what the machine refused comes before what the error says of itself.
pub(crate) fn of(error: &(dyn Error + 'static), said: Exit) -> Exit {
    let mut cause = Some(error);
    while let Some(now) = cause {
        if now.downcast_ref().is_some_and(|refused: &io::Error| may_pass(refused.kind())) {
            return Exit::TryAgain;
        }
        cause = now.source();
    }
    if said != Exit::Integrity && interrupt::asked() { Exit::TryAgain } else { said }
}
