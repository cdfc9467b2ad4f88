//! The one evaluator of both sides: an audit of a model folder by the program, with the run's seed.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::place::Place;
use super::settings::{PICTURES, RULE, UNRELATED, UPDATE};
use crate::workspace;

/// Pictures that showed what was asked for, and all.
pub(super) type Count = [u64; 2];

/// What an audit saw of the original and of one other model.
pub(super) struct Seen {
    /// The concept, under its own prompts: in the original's pictures, in the other's.
    pub(super) direct: [Count; 2],
    /// What is unrelated.
    pub(super) kept: [Count; 2],
}

impl Seen {
    /// Points of 100 that the other model loses of what is unrelated.
    pub(super) fn lost(&self) -> f64 {
        points(self.kept[0]) - points(self.kept[1])
    }

    /// Whether the job is done.
    pub(super) fn meets(&self) -> bool {
        points(self.direct[1]) <= RULE[0] && self.lost() <= RULE[1]
    }
}

/// Of 100.
pub(super) fn points([hits, all]: Count) -> f64 {
    100.0 * hits as f64 / all as f64
}

/// Runs the program and gives its JSON; `fine` are the exit codes that are answers.
pub(super) fn program(
    place: &Place,
    threads: usize,
    more: &[String],
    fine: &[i32],
) -> Result<Value> {
    let mut command = Command::new(workspace::target().join("release/oubliette"));
    command.arg("--json").args(more).arg("--runs").arg(place.at("runs"));
    let output = command.arg("--threads").arg(threads.to_string()).output()?;
    if !output.status.code().is_some_and(|code| fine.contains(&code)) {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("oubliette {} ended with {}: {said}", more.join(" "), output.status);
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Audits the model in `folder`: its direct hits, and, unless `hits_only`, what is unrelated.
pub(super) fn look(
    place: &Place,
    folder: &Path,
    seed: u64,
    threads: usize,
    hits_only: bool,
) -> Result<Seen> {
    let [direct, kept] = PICTURES;
    let (keep, unrelated) = match hits_only {
        true => (String::new(), String::new()),
        false => (format!("keep = {kept}\n"), format!("[keep]\nunrelated = {UNRELATED:?}\n")),
    };
    let recipe = place.at("audit.toml");
    fs::write(
        &recipe,
        format!(
            "schema = 1\ntask = \"audit\"\nseed = {seed}\nconcept = \"concept.toml\"\n\n[subjects]\noriginal = \"models/emoji-sd\"\n\
             unlearned = {:?}\n\n[sampling]\nsampler = \"ddim\"\nsteps = 15\nguidance = 4.0\nbatch = 32\n\n\
             [samples]\nper_arm = {direct}\n{keep}worst = 0\n\n[[attack]]\nname = \"direct\"\nparaphrase = false\n{unrelated}",
            folder.display().to_string(),
        ),
    )?;
    // Held, broken, undecided: the verdict is not asked for, the events are.
    let words = ["audit".to_owned(), recipe.display().to_string()];
    let answer = program(place, threads, &words, &[0, 1, 3])?;
    let run = answer["result"]["run"].as_str().context("an audit without a run")?;
    let events = fs::read_to_string(Path::new(run).join("events.jsonl"))?;
    let events: Vec<Value> = events.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let of = |arm: &str| ["original", "unlearned"].map(|subject| count(&events, subject, arm));
    Ok(Seen { direct: of("direct/own"), kept: of("keep/unrelated") })
}

fn count(events: &[Value], subject: &str, arm: &str) -> Count {
    let cell = |event: &&Value| event["cell"]["subject"] == subject && event["cell"]["arm"] == arm;
    let shown: Vec<_> =
        events.iter().filter(cell).map(|event| &event["scores"]["classifier"]["hit"]).collect();
    [shown.iter().filter(|hit| **hit == &Value::Bool(true)).count() as u64, shown.len() as u64]
}

/// Direct hits after one benign update of the model in `folder`, by the program.
pub(super) fn recovery(place: &Place, folder: &Path, seed: u64, threads: usize) -> Result<Count> {
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
    clear(&place.at("update-runs"))?;
    program(place, threads, &["update".to_owned(), recipe.display().to_string()], &[0])?;
    Ok(look(place, &out, seed, threads, true)?.direct[1])
}

/// Removes a folder that a run before this one may have left.
pub(super) fn clear(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
