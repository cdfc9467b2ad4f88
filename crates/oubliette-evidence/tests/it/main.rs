//! Tests of the evidence crate from outside.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bounds;
mod checked;
mod fold;
mod hypotheses;
mod interference;
mod loopholes;
mod page;
mod refusals;
mod rule;
mod spec;
mod tale;
mod tidy;
mod together;
mod tuning;
