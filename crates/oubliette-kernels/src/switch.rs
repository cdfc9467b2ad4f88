//! The switch that turns every kernel off, for debugging.

use std::sync::atomic::{AtomicBool, Ordering};

static ENABLED: AtomicBool = AtomicBool::new(true);

/// Turns the kernels of this crate on or off for the whole process; they start on.
///
/// Off, every function is composed of burn's operations. This changes speed and the last bits, nothing else.
pub fn set_enabled(on: bool) {
    ENABLED.store(on, Ordering::Relaxed);
}

/// Whether the kernels are on.
pub fn enabled() -> bool {
    ENABLED.load(Ordering::Relaxed)
}
