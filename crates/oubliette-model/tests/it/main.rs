//! Against numbers that other programs computed: see `goldens/README.md` for what made them.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a helper that cannot go on has failed its test; how near a number is gets printed"
)]

mod detectors;
mod golden;
mod guidance;
mod inception;
mod lora;
mod networks;
mod noising;
mod pictures;
mod released;
mod spec;
mod token_ids;
mod training;
mod trajectories;
