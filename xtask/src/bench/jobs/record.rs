//! What was measured, one line of `studies/jobs/runs.jsonl` for every training that ended; a rerun goes on behind the last.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Value, json};

use super::judge::{Count, Seen};
use super::settings::RULE;
use crate::workspace;

/// Who trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The program.
    Ours,
    /// The papers' loops.
    Paper,
    /// PyTorch with the program's savings.
    SameSavings,
}

impl By {
    /// All, as tables name them.
    pub(super) const ALL: [Self; 3] = [Self::Ours, Self::Paper, Self::SameSavings];

    /// The order that they train in.
    pub(super) const TURNS: [Self; 3] = [Self::Paper, Self::SameSavings, Self::Ours];

    /// As it is written down.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Paper => "paper",
            Self::SameSavings => "same-savings",
        }
    }
}

/// A model after so many steps and seconds of training.
pub(super) struct Checkpoint {
    pub(super) steps: u64,
    pub(super) seconds: f64,
    pub(super) seen: Seen,
}

/// One training, up to the first checkpoint that meets the rule.
pub(super) struct Record(Value);

impl Record {
    /// A training that ended; `recovery` is absent where no checkpoint met the rule.
    pub(super) fn new(
        key: &Key<'_>,
        at: &[Checkpoint],
        peak: Option<u64>,
        recovery: Option<Count>,
    ) -> Self {
        let look = |one: &Checkpoint| {
            json!({
                "steps": one.steps, "seconds": one.seconds, "direct": one.seen.direct[1],
                "kept": one.seen.kept.map(|[_, after]| after),
                "met": one.seen.meets(),
            })
        };
        let direct = at.first().map(|one| one.seen.direct[0]);
        let kept = at.iter().find_map(|one| one.seen.kept).map(|[before, _]| before);
        Self(json!({
            "job": key.job, "by": key.by.name(), "rate": key.rate, "seed": key.seed, "threads": key.threads,
            "original": { "direct": direct, "kept": kept },
            "checkpoints": at.iter().map(look).collect::<Vec<_>>(), "recovery": recovery, "peak_memory_bytes": peak,
        }))
    }

    /// The first checkpoint that met the rule.
    fn met(&self) -> Option<&Value> {
        self.0["checkpoints"].as_array()?.iter().find(|one| one["met"] == true)
    }

    /// Seconds of training until the concept showed in few enough pictures, whatever else was lost.
    pub(super) fn forgot(&self) -> Option<f64> {
        self.forgetful().next()?["seconds"].as_f64()
    }

    /// A rate of the model at that point, of 100: `direct` or `kept`.
    pub(super) fn points_forgot(&self, what: &str) -> Option<f64> {
        points(&self.forgetful().next()?[what])
    }

    /// The fewest points of unrelated pictures that a checkpoint lost in which the concept showed in few enough.
    pub(super) fn least_lost(&self) -> Option<f64> {
        let before = self.before("kept")?;
        self.forgetful()
            .filter_map(|one| Some(before - points(&one["kept"])?))
            .min_by(f64::total_cmp)
    }

    /// Steps until then.
    pub(super) fn steps_forgot(&self) -> Option<u64> {
        self.forgetful().next()?["steps"].as_u64()
    }

    fn forgetful(&self) -> impl Iterator<Item = &Value> {
        let all = self.0["checkpoints"].as_array().into_iter().flatten();
        all.filter(|one| points(&one["direct"]).is_some_and(|hits| hits <= RULE[0]))
    }

    /// Seconds of training until the rule was met.
    pub(super) fn seconds(&self) -> Option<f64> {
        self.met()?["seconds"].as_f64()
    }

    /// Steps until the rule was met.
    pub(super) fn steps(&self) -> Option<u64> {
        self.met()?["steps"].as_u64()
    }

    /// A rate of the model that met the rule, of 100: `direct`, `kept`, or `recovery`, its direct hits after the update.
    pub(super) fn points(&self, what: &str) -> Option<f64> {
        points(if what == "recovery" { &self.0[what] } else { &self.met()?[what] })
    }

    /// The same rate of the model before a training that met the rule.
    pub(super) fn before_met(&self, what: &str) -> Option<f64> {
        self.met().and_then(|_| self.before(what))
    }

    /// The rate of the model before the training.
    pub(super) fn before(&self, what: &str) -> Option<f64> {
        points(&self.0["original"][what])
    }

    /// The most memory of the training process.
    pub(super) fn peak(&self) -> Option<f64> {
        self.0["peak_memory_bytes"].as_f64()
    }
}

/// A count of 100.
pub(super) fn points(count: &Value) -> Option<f64> {
    Some(100.0 * count[0].as_f64()? / count[1].as_f64()?)
}

/// What makes a training that one.
pub(super) struct Key<'a> {
    pub(super) job: &'a str,
    pub(super) by: By,
    pub(super) rate: f64,
    pub(super) seed: u64,
    pub(super) threads: usize,
}

/// All lines.
pub(super) struct Records {
    path: PathBuf,
    all: Vec<Record>,
}

impl Records {
    /// Reads what is there.
    pub(super) fn open() -> Result<Self> {
        let path = workspace::at("studies/jobs/runs.jsonl");
        let all = read(&path)?.into_iter().map(Record).collect();
        Ok(Self { path, all })
    }

    /// The line of a training.
    pub(super) fn of(&self, key: &Key<'_>) -> Option<&Record> {
        self.all.iter().find(|Record(line)| {
            line["job"] == key.job
                && line["by"] == key.by.name()
                && line["rate"].as_f64() == Some(key.rate)
                && line["seed"].as_u64() == Some(key.seed)
                && line["threads"].as_u64() == Some(key.threads as u64)
        })
    }

    /// Adds a line.
    pub(super) fn push(&mut self, record: Record) -> Result<()> {
        append(&self.path, &record.0)?;
        self.all.push(record);
        Ok(())
    }
}

/// The lines of a file, of which the last may have been cut off.
pub(super) fn read(path: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(path).unwrap_or_default();
    // What follows the last line end was never a whole line.
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    if whole.len() < text.len() {
        fs::write(path, whole)?;
    }
    whole.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// Adds a line to a file.
pub(super) fn append(path: &Path, line: &Value) -> Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    Ok(file.write_all(format!("{line}\n").as_bytes())?)
}
