//! Chores: assets, bench, goldens, interop, size.
#![expect(clippy::print_stdout, reason = "the chores' answers are what they print")]

mod assets;
mod bench;
mod goldens;
mod interop;
mod process;
mod python;
mod size;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Chores that need more than cargo: other programs, measurements, checks over the whole tree.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Take a workshop's models over as the embedded ones
    Assets(assets::Arguments),
    /// Time our work beside PyTorch's, interleaved, and append the ratios to BENCHMARKS.md
    Bench(bench::Arguments),
    /// Make the goldens again with the reference implementations and say what differs
    Goldens(goldens::Arguments),
    /// Have diffusers, transformers and PEFT open what we write and draw the same pictures
    Interop(interop::Arguments),
    /// Check the size of the shipped assets and report the longest source files
    Size,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().chore {
        Chore::Assets(arguments) => assets::run(&arguments),
        Chore::Bench(arguments) => bench::run(&arguments),
        Chore::Goldens(arguments) => goldens::run(&arguments),
        Chore::Interop(arguments) => interop::run(&arguments),
        Chore::Size => size::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
