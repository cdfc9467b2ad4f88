//! The laboratory against subjects of known truth, and against its own rules.

mod conformance;
mod matrix;
mod real;
mod resume;
mod tidy;
