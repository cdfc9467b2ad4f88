//! Chores: bench, interop, goldens, docs, size.
fn main() {}
