//! Tests of the evidence crate from outside.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bounds;
mod fold;
mod rule;
mod tale;
