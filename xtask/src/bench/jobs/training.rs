//! The trainings of either side, timed up to the checkpoint, without the evaluation.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::judge::{clear, fresh, program};
use super::place::Place;
use super::record::{By, Key};
use super::settings::{CHOOSING, Job, parity, with};
use crate::bench::side::Side;
use crate::bench::statistics;
use crate::python::Python;

/// A training that is taken from checkpoint to checkpoint.
pub(super) enum Training<'a> {
    /// A run of the program for each checkpoint: with the same seed its first steps are the same, bit for bit, so the run that ends
    /// there took what the training takes up to there.
    Ours { place: &'a Place, job: &'a Job, key: &'a Key<'a>, peak: u64 },
    /// One process that goes on.
    Theirs { place: &'a Place, folder: PathBuf, side: Box<Side>, seconds: f64 },
}

impl<'a> Training<'a> {
    /// Begins; nothing that is timed has happened then.
    pub(super) fn begin(
        place: &'a Place,
        python: &Python,
        job: &'a Job,
        key: &'a Key<'a>,
    ) -> Result<Self> {
        if key.by == By::Ours {
            return Ok(Self::Ours { place, job, key, peak: 0 });
        }
        let folder = place.at("theirs");
        clear(&folder)?;
        fs::create_dir_all(&folder)?;
        let more = json!({
            "kind": "job", "method": job.method, "variant": key.by.name(), "model": place.model(), "seed": key.seed,
            "learning_rate": key.rate, "checkpoints": job.checkpoints,
        });
        fs::write(folder.join("case.json"), with(&job.theirs, more).to_string())?;
        let side = Box::new(Side::theirs(python, &folder, key.threads, "eager")?);
        Ok(Self::Theirs { place, folder, side, seconds: 0.0 })
    }

    /// Trains up to `steps`: the model's folder, and the seconds since the beginning.
    pub(super) fn reach(&mut self, steps: u64) -> Result<(PathBuf, f64)> {
        match self {
            Self::Ours { place, job, key, peak } => {
                let out = place.at("ours");
                clear(&out)?;
                let runs = fresh(place)?;
                let begun = Instant::now();
                let answer = program(&runs, key.threads, &words(place, job, key, steps), &[0])?;
                let seconds = begun.elapsed().as_secs_f64();
                *peak = memory(&answer)?.max(*peak);
                Ok((out, seconds))
            }
            Self::Theirs { place, folder, side, seconds } => {
                *seconds += side.go()?;
                let model = folder.join(steps.to_string());
                place.complete(&model)?;
                Ok((model, *seconds))
            }
        }
    }

    /// The most memory of the training process.
    pub(super) fn end(mut self) -> Result<u64> {
        match &mut self {
            Self::Ours { peak, .. } => Ok(*peak),
            Self::Theirs { side, .. } => side.end(),
        }
    }
}

/// The program's command line.
fn words(place: &Place, job: &Job, key: &Key<'_>, steps: u64) -> Vec<String> {
    let path = |path: PathBuf| path.display().to_string();
    let mut words: Vec<String> =
        ["unlearn", "--method", job.method, "--model"].map(str::to_owned).to_vec();
    words.extend([path(place.model()), "--concept".to_owned(), path(place.concept())]);
    words.extend([
        "--out".to_owned(),
        path(place.at("ours")),
        "--seed".to_owned(),
        key.seed.to_string(),
    ]);
    let settings = with(&job.ours, json!({ "learning_rate": key.rate, "steps": steps }));
    for (name, value) in settings.as_object().into_iter().flatten() {
        words.extend(["--set".to_owned(), format!("{name}={value}")]);
    }
    words
}

/// The most memory that a run of the program says it held.
fn memory(answer: &Value) -> Result<u64> {
    let run = answer["result"]["run"].as_str().context("an unlearning without a run")?;
    let told = fs::read_to_string(PathBuf::from(run).join("telemetry.jsonl"))?;
    let last: Value = serde_json::from_str(told.lines().last().context("no telemetry")?)?;
    Ok(last["peak_memory_bytes"].as_u64().unwrap_or_default())
}

/// Shows that all sides compute the same losses on the same latents, times, noise and prompts.
pub(super) fn check(place: &Place, python: &Python, threads: usize) -> Result<f64> {
    let mut worst: f64 = 0.0;
    for by in [By::Paper, By::SameSavings] {
        let folder = place.at(&format!("parity-{}", by.name()));
        fs::create_dir_all(&folder)?;
        let settings = parity(&place.model(), &place.concept(), by.name());
        fs::write(folder.join("case.json"), settings.to_string())?;
        crate::process::run(python.script("benches/peer.py").arg("prepare").arg(&folder))?;
        let ours = Side::ours(&folder, threads)?.check()?;
        let theirs = Side::theirs(python, &folder, threads, "eager")?.check()?;
        worst = statistics::disagreement(&ours, &theirs)?.max(worst);
    }
    if worst > 1e-4 {
        bail!("the first step's losses differ by {worst:.1e} of the largest, more than 1e-4");
    }
    println!("seed {CHOOSING}: the first step's losses agree within {worst:.0e}");
    Ok(worst)
}
