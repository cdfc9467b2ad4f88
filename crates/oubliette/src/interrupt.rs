//! Ctrl-C asks for a clean stop; asked again, the program stops at once. Either way a rerun resumes.
use crate::exit::{self, Exit};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level;
use std::ops::ControlFlow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Signals within so many milliseconds ask once: `timeout` sends one to the process and one to its group.
const ONCE: u64 = 1000;

/// When the program began to listen.
static LISTENING: OnceLock<Instant> = OnceLock::new();

/// When a stop was first asked for, in milliseconds since then and one; 0: not yet.
static ASKED: AtomicU64 = AtomicU64::new(0);

/// From here on an interrupt is a request that long loops look at between two steps.
pub(crate) fn listen() {
    LISTENING.get_or_init(Instant::now);
    for signal in [SIGINT, SIGTERM] {
        // SAFETY: the handler reads a clock, changes an atomic number and ends the process without unwinding; it neither
        // allocates nor waits for a lock.
        // Without handlers an interrupt ends the process as it always did, which a rerun survives too.
        let _ = unsafe { low_level::register(signal, ask) };
    }
    refuse_file_size_signal();
}

/// What a signal does.
fn ask() {
    let since = LISTENING.get().map_or(0, |listening| listening.elapsed().as_millis());
    let now = u64::try_from(since).unwrap_or(u64::MAX - 1) + 1;
    if let Err(first) = ASKED.compare_exchange(0, now, Ordering::SeqCst, Ordering::SeqCst)
        && is_another(first, now)
    {
        exit::at_once(Exit::TryAgain);
    }
}

/// Whether who asks now asks again, after `first`.
fn is_another(first: u64, now: u64) -> bool {
    now.saturating_sub(first) >= ONCE
}

/// Whether a stop was asked for.
pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::SeqCst) != 0
}

/// What a long loop does next.
pub(crate) fn flow() -> ControlFlow<()> {
    if asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Where a job may write only so much to a file, the write then fails with a reason instead of the process dying.
#[cfg(unix)]
fn refuse_file_size_signal() {
    // SAFETY: ignoring a signal runs no code of ours.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

#[cfg(not(unix))]
fn refuse_file_size_signal() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_of_one_moment_ask_once() {
        assert!(!is_another(5, 5) && !is_another(5, 4 + ONCE) && !is_another(5, 3));
        assert!(is_another(5, 5 + ONCE));
    }
}
