//! Whether the models of whole jobs come out alike: all sides train with the same rate, as many steps, and the random numbers that
//! the program draws, so that what is left of a difference comes from the loops and not from luck. Nothing is timed here.

mod distance;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::record::{By, append, read};
use super::settings::{Job, draws, with};
use super::training::Training;
use super::{Arguments, SEEDS, Study, judge};
use crate::bench::side::Side;
use crate::workspace;

/// Pictures of an evaluation: of the concept and of what is unrelated, and of the concept after the update.
const PICTURES: ([usize; 2], usize) = ([96, 192], 192);
/// Of what a training moves, the most that rounding can make of a difference: more, and the random numbers were not the same.
const SAME: f64 = 0.05;

/// Runs what is missing of `studies/jobs/outcomes.jsonl` and says what came of everything.
pub(in crate::bench) fn run(arguments: &Arguments) -> Result<()> {
    let (jobs, study) = super::prepare(arguments)?;
    let path = workspace::at("studies/jobs/outcomes.jsonl");
    let mut lines = read(&path)?;
    let seeds: Vec<u64> = (1..=arguments.pairs.unwrap_or(SEEDS) as u64).collect();
    let mut text = String::new();
    for job in &jobs {
        for &seed in &seeds {
            if of(&lines, job, seed).is_none() {
                let line = study.outcome(job, seed)?;
                append(&path, &line)?;
                lines.push(line);
            }
        }
        let found: Vec<&Value> = seeds.iter().filter_map(|&seed| of(&lines, job, seed)).collect();
        text += &table::of(job, &found);
    }
    println!("{text}");
    if arguments.dry { Ok(()) } else { table::add(arguments, seeds.len(), &text) }
}

/// The line of a job's seed.
fn of<'a>(lines: &'a [Value], job: &Job, seed: u64) -> Option<&'a Value> {
    let (rate, steps) = job.compared;
    lines.iter().find(|line| {
        line["job"] == job.method
            && line["seed"] == seed
            && line["rate"].as_f64() == Some(rate)
            && line["steps"] == steps
    })
}

impl Study {
    /// All sides on one seed: what pictures show, and how far their weights are from the program's.
    fn outcome(&self, job: &Job, seed: u64) -> Result<Value> {
        let (rate, steps) = job.compared;
        let job = Job { checkpoints: vec![steps], ..job.with_draws(&self.draw(job, seed, steps)?) };
        let job = &job;
        let ours = self.trained(job, By::Ours, seed)?;
        let away = |theirs: &Path| distance::of(&self.place.model(), &ours, theirs);
        let same = away(&self.trained(job, By::SameSavings, seed)?)?;
        println!("{} seed {seed}: same-savings ends {same:.1e} away", job.method);
        if same > SAME {
            bail!(
                "other random numbers were drawn: `benches/src/draws.rs` does not follow the program's sources"
            );
        }
        let (ours, original) = self.look(&ours, seed)?;
        println!("{} seed {seed}: ours {ours}", job.method);
        let theirs = self.trained(job, By::Paper, seed)?;
        let apart = away(&theirs)?;
        let (paper, _) = self.look(&theirs, seed)?;
        println!("{} seed {seed}: paper {paper}, ends {apart:.1e} away", job.method);
        Ok(json!({
            "job": job.method, "seed": seed, "rate": rate, "steps": steps, "original": original, "ours": ours,
            "paper": with(&paper, json!({ "apart": apart })),
            "same-savings": { "apart": same }, // where the weights are the same, the pictures are
        }))
    }

    /// The folder of a side's model.
    fn trained(&self, job: &Job, by: By, seed: u64) -> Result<PathBuf> {
        let (rate, steps) = job.compared;
        let key = self.key(job, by, rate, seed);
        let mut training = Training::begin(&self.place, &self.python, job, &key)?;
        let (folder, _) = training.reach(steps)?;
        training.end()?;
        Ok(folder)
    }

    /// What the pictures of a model show, and what those of the original do.
    fn look(&self, folder: &Path, seed: u64) -> Result<(Value, Value)> {
        let (pictures, after) = PICTURES;
        let [direct, kept] = judge::audit(&self.place, folder, seed, self.threads, pictures)?;
        let recovery = judge::recovery(&self.place, folder, seed, self.threads, after)?;
        Ok((
            json!({ "direct": direct[1], "kept": kept[1], "recovery": recovery }),
            json!({ "direct": direct[0], "kept": kept[0] }),
        ))
    }

    /// Writes down the program's random numbers of a training, and says where.
    pub(super) fn draw(&self, job: &Job, seed: u64, steps: u64) -> Result<PathBuf> {
        let folder = self.place.at("draws");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("case.json"), draws(job, seed, steps).to_string())?;
        Side::ours(&folder, self.threads)?.go()?;
        Ok(folder.join("draws.safetensors"))
    }
}
