//! `oubliette verify`: derives evidence, verdict and report again and compares every byte.
use super::{Answer, Verb};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use clap::Args;
use oubliette_evidence::verify::verify;
use std::path::PathBuf;

/// Check that a run's verdict and report follow from its evidence
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  oubliette verify runs/3f2a9c0d1e4b5a67
  oubliette verify runs/3f2a9c0d1e4b5a67 --json

Exits with 0 when every byte is what follows from plan and events, 4 when one is not. No model is needed;
`oubliette-verify` does the same without the rest of this program.")]
pub(crate) struct Verify {
    /// The run's folder
    run: PathBuf,
}

impl Verb for Verify {
    fn run(&self, _: &Terminal) -> Result<Answer, Failure> {
        let found = verify(&self.run)?;
        let exit = if found.authentic { Exit::Done } else { Exit::Integrity };
        let text = found.words(&self.run);
        Ok(Answer::ending(exit, found, text))
    }
}
