//! Ctrl-C asks for a clean stop; asked twice, the program stops at once. Either way a rerun resumes.
use crate::exit::Exit;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

static ASKED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// From here on an interrupt is a request that long loops look at between two steps.
pub(crate) fn listen() {
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first ends the process when the second has been there before it.
        // Without handlers an interrupt ends the process as it always did, which a rerun survives too.
        let code = i32::from(Exit::TryAgain.code());
        let _ = flag::register_conditional_shutdown(signal, code, Arc::clone(&ASKED));
        let _ = flag::register(signal, Arc::clone(&ASKED));
    }
    refuse_file_size_signal();
}

/// Whether a stop was asked for.
pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
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
