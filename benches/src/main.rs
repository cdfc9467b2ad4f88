//! Our side of a benchmark. The other side is `peer.py`; both take a case's folder and obey the same words on stdin:
//! `check` answers numbers that both must agree on, `go` runs once and answers seconds, `end` answers bytes.
#![expect(clippy::print_stdout, reason = "the worker talks to xtask over stdout")]

mod draws;
mod gpt;
mod growth;
mod inputs;
mod jobs;
mod memory;
mod micro;
mod sampling;
mod step;

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// `case.json` of a case's folder; each kind reads the settings that it needs.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Case {
    Draws(draws::Settings),
    Edit(growth::Settings),
    Encode(growth::Settings),
    Esd(step::Settings),
    Forward(step::Settings),
    Gpt(gpt::Settings),
    Job(jobs::Settings),
    Micro(micro::Settings),
    Sampling(sampling::Settings),
    Step(step::Settings),
}

/// Something that can be timed.
trait Run {
    /// Does the work once.
    fn run(&mut self) -> Result<()>;
    /// Numbers that show what was computed; called before anything is timed.
    fn check(&mut self) -> Result<Vec<f32>>;
}

fn open(folder: &Path) -> Result<Box<dyn Run>> {
    let case = std::fs::read(folder.join("case.json")).context("no case.json in the folder")?;
    Ok(match serde_json::from_slice(&case)? {
        Case::Draws(settings) => Box::new(draws::Draws::open(folder, settings)),
        Case::Edit(settings) => Box::new(growth::Edit::open(folder, &settings)?),
        Case::Encode(settings) => Box::new(growth::Encode::open(folder, &settings)?),
        Case::Esd(settings) => Box::new(step::Esd::open(folder, &settings)?),
        Case::Forward(settings) => Box::new(step::Forward::open(folder, &settings)?),
        Case::Job(settings) => Box::new(jobs::Losses::open(folder, settings)?),
        Case::Gpt(settings) => Box::new(gpt::Gpt::open(folder, settings)?),
        Case::Sampling(settings) => Box::new(sampling::Sampling::open(folder, &settings)?),
        Case::Step(settings) => Box::new(step::Step::open(folder, &settings)?),
        Case::Micro(settings) => Box::new(micro::Micro::open(folder, settings)?),
    })
}

fn main() -> Result<()> {
    oubliette_kernels::keep_memory();
    // As the program itself does: on a thread of the pool, so that no kernel is handed over and waited for.
    rayon::scope(|_| work())
}

fn work() -> Result<()> {
    let folder = std::env::args_os().nth(1).context("usage: worker FOLDER")?;
    let base = memory::resident();
    let mut case = open(Path::new(&folder))?;
    oubliette_kernels::give_memory_back();
    say("ready")?;
    for line in std::io::stdin().lock().lines() {
        match line?.as_str() {
            "check" => {
                say(&serde_json::to_string(&case.check()?)?)?;
                memory::forget_peak();
            }
            "go" => {
                let start = Instant::now();
                case.run()?;
                say(&start.elapsed().as_secs_f64().to_string())?;
            }
            "end" => {
                say(&memory::peak().saturating_sub(base).to_string())?;
                return Ok(());
            }
            other => bail!("unknown word `{other}`"),
        }
    }
    Ok(())
}

fn say(line: &str) -> Result<()> {
    println!("{line}");
    Ok(std::io::stdout().flush()?)
}
