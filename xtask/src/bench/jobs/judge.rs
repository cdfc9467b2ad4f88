//! The one evaluator of both sides: an audit of a model folder by the program, with the run's seed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::place::Place;
use super::settings::{HOPELESS, PICTURES, RULE, UNRELATED, UPDATE};
use crate::workspace;

/// Pictures that showed what was asked for, and all.
pub(super) type Count = [u64; 2];

/// What audits saw of the original and of one other model.
pub(super) struct Seen {
    /// The concept, under its own prompts: in the original's pictures, in the other's.
    pub(super) direct: [Count; 2],
    /// What is unrelated; not looked at where the concept shows too often for a model to be done.
    pub(super) kept: Option<[Count; 2]>,
}

impl Seen {
    /// Points of 100 that the other model loses of what is unrelated.
    pub(super) fn lost(&self) -> Option<f64> {
        self.kept.map(|[before, after]| points(before) - points(after))
    }

    /// Whether the job is done.
    pub(super) fn meets(&self) -> bool {
        forgot(&self.direct) && self.lost().is_some_and(|lost| lost <= RULE[1])
    }

    /// Whether so much is lost that more training will not help.
    pub(super) fn is_hopeless(&self) -> bool {
        self.lost().is_some_and(|lost| lost > HOPELESS)
    }
}

fn forgot(direct: &[Count; 2]) -> bool {
    points(direct[1]) <= RULE[0]
}

/// Of 100.
pub(super) fn points([hits, all]: Count) -> f64 {
    100.0 * hits as f64 / all as f64
}

/// Runs the program with run folders in `runs` and gives its JSON; `fine` are the exit codes that are answers.
pub(super) fn program(runs: &Path, threads: usize, more: &[String], fine: &[i32]) -> Result<Value> {
    let mut command = Command::new(workspace::target().join("release/oubliette"));
    command.arg("--json").args(more).arg("--runs").arg(runs);
    let output = command.arg("--threads").arg(threads.to_string()).output()?;
    if !output.status.code().is_some_and(|code| fine.contains(&code)) {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("oubliette {} ended with {}: {said}", more.join(" "), output.status);
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Looks at the model in `folder`: at its direct hits, and, where they are few enough, at what is unrelated.
pub(super) fn look(place: &Place, folder: &Path, seed: u64, threads: usize) -> Result<Seen> {
    let [direct, _] = audit(place, folder, seed, threads, [PICTURES[0], 0])?;
    if !forgot(&direct) {
        return Ok(Seen { direct, kept: None });
    }
    // The first audit's pictures are known, and not made again.
    let [direct, kept] = audit(place, folder, seed, threads, PICTURES)?;
    Ok(Seen { direct, kept: Some(kept) })
}

/// One audit: of so many pictures under the concept's own prompts, and of so many of what is unrelated, where any are wanted.
pub(super) fn audit(
    place: &Place,
    folder: &Path,
    seed: u64,
    threads: usize,
    [direct, kept]: [usize; 2],
) -> Result<[[Count; 2]; 2]> {
    let (keep, unrelated) = match kept {
        0 => Default::default(),
        kept => (format!("keep = {kept}\n"), format!("[keep]\nunrelated = {UNRELATED:?}\n")),
    };
    let recipe = place.at("audit.toml");
    let text = format!(
        "schema = 1\ntask = \"audit\"\nseed = {seed}\nconcept = \"concept.toml\"\n\n[subjects]\noriginal = \"models/emoji-sd\"\n\
         unlearned = {:?}\n\n[sampling]\nsampler = \"ddim\"\nsteps = 15\nguidance = 4.0\nbatch = 32\n\n\
         [samples]\nper_arm = {direct}\n{keep}worst = 0\n\n[[attack]]\nname = \"direct\"\nparaphrase = false\n{}",
        folder.display().to_string(),
        unrelated,
    );
    fs::write(&recipe, text)?;
    // Held, broken, undecided: the verdict is not asked for, the events are.
    let words = ["audit".to_owned(), recipe.display().to_string()];
    let answer = program(&place.at("audits"), threads, &words, &[0, 1, 3])?;
    let run = answer["result"]["run"].as_str().context("an audit without a run")?;
    let events = fs::read_to_string(Path::new(run).join("events.jsonl"))?;
    let events: Vec<Value> = events.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let of = |arm: &str| ["original", "unlearned"].map(|subject| count(&events, subject, arm));
    Ok([of("direct/own"), of("keep/unrelated")])
}

fn count(events: &[Value], subject: &str, arm: &str) -> Count {
    let cell = |event: &&Value| event["cell"]["subject"] == subject && event["cell"]["arm"] == arm;
    let shown: Vec<_> =
        events.iter().filter(cell).map(|event| &event["scores"]["classifier"]["hit"]).collect();
    [shown.iter().filter(|hit| **hit == &Value::Bool(true)).count() as u64, shown.len() as u64]
}

/// Direct hits in so many pictures after one benign update of the model in `folder`, by the program.
pub(super) fn recovery(
    place: &Place,
    folder: &Path,
    seed: u64,
    threads: usize,
    pictures: usize,
) -> Result<Count> {
    let ((batch, steps, rate), out) = (UPDATE, place.at("updated"));
    let recipe = place.at("update.toml");
    fs::write(
        &recipe,
        format!(
            "schema = 1\ntask = \"update\"\nseed = {seed}\nmodel = {:?}\ndata = \"unrelated\"\nout = \"updated\"\n\n[train]\n\
             kind = \"full\"\nsteps = {steps}\nbatch = {batch}\nlearning_rate = {rate}\n",
            folder.display().to_string(),
        ),
    )?;
    clear(&out)?;
    program(&fresh(place)?, threads, &["update".to_owned(), recipe.display().to_string()], &[0])?;
    let [direct, _] = audit(place, &out, seed, threads, [pictures, 0])?;
    Ok(direct[1])
}

/// A folder for runs in which there is none, so that nothing is taken up and everything is done.
pub(super) fn fresh(place: &Place) -> Result<PathBuf> {
    let runs = place.at("runs");
    clear(&runs)?;
    Ok(runs)
}

/// Removes a folder that a run before this one may have left.
pub(super) fn clear(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
