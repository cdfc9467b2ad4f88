//! How much memory the process holds and held at most, as Linux counts it.

/// Bytes held now.
pub(crate) fn resident() -> u64 {
    field("VmRSS:")
}

/// The most bytes held since the start, or since [`forget_peak`].
pub(crate) fn peak() -> u64 {
    field("VmHWM:")
}

/// Starts counting anew, so that loading and checking do not count as the work.
pub(crate) fn forget_peak() {
    // Where the kernel does not allow it the peak stays the larger one, which does not flatter.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn field(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}
