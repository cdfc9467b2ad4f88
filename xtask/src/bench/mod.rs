//! Our work and PyTorch's on the same weights and shapes, one run of each in turn.

mod cases;
mod growth;
mod jobs;
mod methods;
mod networks;
mod report;
mod side;
mod statistics;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde_json::Value;

use crate::python::Python;
use crate::{process, workspace};
use cases::Case;
use side::Side;
use statistics::Pairs;

/// What is timed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    /// Each kernel, forward and backward
    Micro,
    /// Training steps of small UNets
    Step,
    /// Guided sampling of whole pictures
    Sampling,
    /// The UNet of Stable Diffusion 1.4 with random weights; needs 24 GiB
    Sd14,
    /// Whole unlearning jobs against the papers' loops; needs OUBLIETTE_TEST_DATA
    Jobs,
    /// Whether the models of those jobs come out alike, both sides given the same random numbers; nothing is timed
    Outcomes,
    /// A step of every method that trains, at that size; needs 24 GiB
    Methods,
    /// How our own time and memory grow with the work; draws docs/growth.svg
    Growth,
}

/// What to time, and how often.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    suite: Suite,
    /// Only cases whose name contains this; for methods, their names, parted by commas
    #[arg(long)]
    only: Option<String>,
    /// Interleaved pairs after the warm-up; for jobs and outcomes, seeds [default: 10; those: 5]
    #[arg(long)]
    pairs: Option<usize>,
    /// Threads of either side
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// How the peer runs: plain, in bf16 autocast, or compiled
    #[arg(long, value_enum, default_value_t = Peer::Eager)]
    peer: Peer,
    /// Print only, do not append to BENCHMARKS.md
    #[arg(long)]
    dry: bool,
}

/// Pairs where the arguments do not say.
const PAIRS: usize = 10;

/// How PyTorch runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// f32, operator by operator
    Eager,
    /// bf16 autocast
    Bf16,
    /// torch.compile, f32
    Compile,
}

impl Peer {
    fn name(self) -> &'static str {
        match self {
            Self::Eager => "eager",
            Self::Bf16 => "bf16",
            Self::Compile => "compile",
        }
    }
}

/// What one case came to.
pub(crate) struct Outcome {
    case: Case,
    agreement: f64,
    pairs: Pairs,
    bytes: [u64; 2],
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match arguments.suite {
        Suite::Jobs => jobs::run(arguments),
        Suite::Outcomes => jobs::outcomes(arguments),
        Suite::Growth => growth::run(arguments),
        Suite::Methods => methods::run(arguments),
        suite => run_cases(arguments, cases::of(suite)),
    }
}

fn run_cases(arguments: &Arguments, cases: Vec<Case>) -> Result<()> {
    let python = Python::open()?;
    workspace::build("oubliette-benches", &[])?;
    let wanted = arguments.only.as_deref().unwrap_or("");
    let mut outcomes = Vec::new();
    for case in cases.into_iter().filter(|case| case.name.contains(wanted)) {
        let outcome = time(&python, case, arguments)?;
        println!("{}", report::line(&outcome));
        outcomes.push(outcome);
    }
    if outcomes.is_empty() {
        bail!("no case of this suite has `{wanted}` in its name");
    }
    if arguments.dry { Ok(()) } else { report::append(arguments, &outcomes) }
}

/// The folders of cases with their inputs, which are made anew only where settings are others.
fn prepared(python: &Python, cases: &[(String, &Value)]) -> Result<Vec<PathBuf>> {
    let (mut folders, mut missing) = (Vec::new(), Vec::new());
    for (name, settings) in cases {
        let folder = workspace::target().join("bench").join(name);
        fs::create_dir_all(&folder)?;
        let settings = serde_json::to_vec_pretty(settings)?;
        fs::write(folder.join("case.json"), &settings)?;
        let done = folder.join("prepared.json");
        if fs::read(&done).ok().as_deref() != Some(settings.as_slice()) {
            missing.push((folder.clone(), done, settings));
        }
        folders.push(folder);
    }
    if !missing.is_empty() {
        let some = missing.iter().map(|(folder, ..)| folder);
        process::run(python.script("benches/peer.py").arg("prepare").args(some))?;
    }
    for (_, done, settings) in missing {
        fs::write(done, settings)?;
    }
    Ok(folders)
}

/// Prepares one case, checks that both sides compute the same, then runs them in turn.
fn time(python: &Python, case: Case, arguments: &Arguments) -> Result<Outcome> {
    let folder = prepared(python, &[(case.name.clone(), &case.settings)])?.remove(0);
    let mut ours = Side::ours(&folder, arguments.threads)?;
    let mut theirs = Side::theirs(python, &folder, arguments.threads, arguments.peer.name())?;
    let agreement =
        statistics::disagreement(&ours.check()?, &theirs.check()?).with_context(|| {
            format!("{}: the two sides answer with other counts of numbers", case.name)
        })?;
    // Lower precision is another computation; its distance is reported, not judged.
    if arguments.peer != Peer::Bf16 && agreement > case.tolerance {
        bail!(
            "{}: the two sides differ by {agreement:.1e}, more than {:.0e}",
            case.name,
            case.tolerance
        );
    }
    for _ in 0..case.warm_up {
        ours.go()?;
        theirs.go()?;
    }
    let mut pairs = Pairs::default();
    for _ in 0..arguments.pairs.unwrap_or(PAIRS) {
        pairs.push(ours.go_several(case.repeat)?, theirs.go_several(case.repeat)?);
    }
    Ok(Outcome { case, agreement, pairs, bytes: [ours.end()?, theirs.end()?] })
}
