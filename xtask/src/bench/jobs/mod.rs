//! Whole unlearning jobs: the program against the papers' loops in PyTorch, by the time until a model has forgotten and kept enough.
//!
//! Either side tries every rate of a job's grid on one seed and then trains at its quickest one on the others. Both sides' models are
//! looked at by the program, with the same seeds; the time is that of the training alone.

mod judge;
mod outcomes;
mod place;
mod record;
mod settings;
mod table;
mod training;

use anyhow::{Result, bail};

use super::Arguments;
use crate::python::Python;
use crate::workspace;
use place::Place;
use record::{By, Checkpoint, Key, Record, Records};
use settings::{CHOOSING, Job, PICTURES};
use training::Training;

pub(super) use outcomes::run as outcomes;

/// Seeds that are measured where the arguments do not say.
const SEEDS: usize = 5;

/// The rate that a side trains at, and its trainings, seed by seed.
struct Side<'a> {
    by: By,
    rate: f64,
    runs: Vec<&'a Record>,
}

/// Runs what is missing and says what came of everything.
pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let (jobs, mut study) = prepare(arguments)?;
    let agreement = training::check(&study.place, &study.python, arguments.threads)?;
    let seeds: Vec<u64> = (1..=arguments.pairs.unwrap_or(SEEDS) as u64).collect();
    let mut text = String::new();
    for job in &jobs {
        study.choose(job)?;
        for &seed in &seeds {
            study.measure(job, seed)?;
        }
        text += &table::of(job, &study.sides(job, &seeds));
    }
    println!("{text}");
    if arguments.dry { Ok(()) } else { table::append(arguments, seeds.len(), agreement, &text) }
}

/// The jobs that are asked for, and everything that they need.
fn prepare(arguments: &Arguments) -> Result<(Vec<Job>, Study)> {
    let wanted = arguments.only.as_deref().unwrap_or("");
    let jobs: Vec<Job> =
        settings::all().into_iter().filter(|job| job.method.contains(wanted)).collect();
    if jobs.is_empty() {
        bail!("no job's method has `{wanted}` in its name");
    }
    let (place, python) = (Place::prepare()?, Python::open()?);
    workspace::build("oubliette-benches", &[])?;
    Ok((jobs, Study { place, python, records: Records::open()?, threads: arguments.threads }))
}

/// The runs that there are, and what makes more.
struct Study {
    place: Place,
    python: Python,
    records: Records,
    threads: usize,
}

impl Study {
    fn key<'a>(&self, job: &'a Job, by: By, rate: f64, seed: u64) -> Key<'a> {
        Key { job: job.method, by, rate, seed, threads: self.threads }
    }

    /// Every side's trainings with every rate on the choosing seed.
    fn choose(&mut self, job: &Job) -> Result<()> {
        for &rate in job.rates {
            for by in By::TURNS {
                let best = self.rate(job, by).and_then(|rate| {
                    self.records.of(&self.key(job, by, rate, CHOOSING))?.seconds()
                });
                self.train(job, by, rate, CHOOSING, best)?;
            }
        }
        Ok(())
    }

    /// The rate that was quickest to meet the rule on the choosing seed; where none did, the one that lost least once it had forgotten.
    fn rate(&self, job: &Job, by: By) -> Option<f64> {
        let least = |of: fn(&Record) -> Option<f64>| {
            let known = job.rates.iter().filter_map(|&rate| {
                Some((of(self.records.of(&self.key(job, by, rate, CHOOSING))?)?, rate))
            });
            known.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, rate)| rate)
        };
        least(Record::seconds).or_else(|| least(Record::least_lost))
    }

    /// All sides on one seed, one after another.
    fn measure(&mut self, job: &Job, seed: u64) -> Result<()> {
        for by in By::TURNS {
            match self.rate(job, by) {
                Some(rate) => self.train(job, by, rate, seed, None)?,
                None => println!("{} by {}: no rate met the rule", job.name, by.name()),
            }
        }
        Ok(())
    }

    /// One training up to the first checkpoint that meets the rule, unless it is known; it is given up when it has taken longer than `best`.
    fn train(&mut self, job: &Job, by: By, rate: f64, seed: u64, best: Option<f64>) -> Result<()> {
        let key = self.key(job, by, rate, seed);
        if self.records.of(&key).is_some() {
            return Ok(());
        }
        let job = &Job { checkpoints: self.worth(job, &key), ..self.given(job, by, seed)? };
        let mut training = Training::begin(&self.place, &self.python, job, &key)?;
        let (mut at, mut recovery) = (Vec::new(), None);
        for &steps in &job.checkpoints {
            let (folder, seconds) = training.reach(steps)?;
            if best.is_some_and(|best| seconds > best) {
                break;
            }
            let seen = judge::look(&self.place, &folder, seed, self.threads)?;
            let lost = seen.lost().map_or("–".to_owned(), |lost| format!("{lost:.1}"));
            let ([hits, all], name) = (seen.direct[1], by.name());
            println!(
                "{} {name} {rate:.0e} seed {seed}: {steps} steps, {seconds:.1} s, {hits} of {all} direct, {lost} points lost",
                job.method
            );
            let (met, hopeless) = (seen.meets(), seen.is_hopeless());
            at.push(Checkpoint { steps, seconds, seen });
            if met {
                let pictures = PICTURES[0];
                recovery =
                    Some(judge::recovery(&self.place, &folder, seed, self.threads, pictures)?);
            }
            if met || hopeless {
                break;
            }
        }
        let peak = training.end()?;
        self.records.push(Record::new(&key, &at, Some(peak), recovery))
    }

    /// The job as one side trains it: where sides are alike, PyTorch is given the program's random numbers.
    fn given(&self, job: &Job, by: By, seed: u64) -> Result<Job> {
        let last = job.checkpoints.last().copied().filter(|_| job.alike && by != By::Ours);
        Ok(match last {
            Some(last) => job.with_draws(&self.draw(job, seed, last)?),
            None => job.clone(),
        })
    }

    /// The checkpoints that are worth a look. Where sides are alike, those are the two that the paper's loop says something of: the
    /// first with few hits, and the one that met the rule.
    fn worth(&self, job: &Job, key: &Key<'_>) -> Vec<u64> {
        let paper = Key { by: By::Paper, ..*key };
        let known = self.records.of(&paper).filter(|_| job.alike && key.by != By::Paper);
        let said = known.map_or(Vec::new(), |paper| {
            paper.steps_forgot().into_iter().chain(paper.steps()).collect()
        });
        let all = job.checkpoints.iter().copied();
        all.filter(|steps| said.is_empty() || said.contains(steps)).collect()
    }

    /// Every side that has a rate, with its measured trainings.
    fn sides(&self, job: &Job, seeds: &[u64]) -> Vec<Side<'_>> {
        let side = |by| {
            let rate = self.rate(job, by)?;
            let of = |&seed: &u64| self.records.of(&self.key(job, by, rate, seed));
            Some(Side { by, rate, runs: seeds.iter().filter_map(of).collect() })
        };
        By::ALL.into_iter().filter_map(side).collect()
    }
}
