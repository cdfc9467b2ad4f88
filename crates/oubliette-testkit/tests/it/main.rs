//! The laboratory against subjects of known truth, and against its own rules.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

mod attached;
mod closed_forms;
mod conformance;
mod frechet;
mod golden;
mod mace;
mod masks;
mod matrix;
mod null_space;
mod objectives;
mod presets;
mod real;
mod reference;
mod resume;
mod resurgence;
mod separable;
mod shared;
mod student;
mod tidy;
mod training;
mod uce;
mod updates;
