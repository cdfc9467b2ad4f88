//! Evidence: the fold of a run's events, in one order whatever order they came in.

mod check;
mod log;

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use log::{Log, read_log};

use crate::event::{Event, Measured, Sampled, Saved, Started, Trained};
use crate::plan::{Cell, Role};
use crate::{Digest, Error, Result, canonical};

/// What was seen, keyed so that nothing can be counted twice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "EvidenceFile", into = "EvidenceFile")]
#[schemars(with = "EvidenceFile")]
pub struct Evidence {
    started: Option<Started>,
    trained: BTreeMap<(String, u64), Trained>,
    samples: BTreeMap<(Cell, u32), Sampled>,
    measured: BTreeMap<MeasuredKey, Measured>,
    saved: BTreeMap<String, Saved>,
    finished: bool,
}

type MeasuredKey = (String, Option<Role>, Option<String>, u32);

/// The content of `evidence.json`: every event once, sorted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceFile {
    /// Always 1.
    pub schema: u32,
    /// The event that began the run.
    pub started: Started,
    /// By training run, then steps.
    pub trained: Vec<Trained>,
    /// By arm, subject, run, stage, then index.
    pub samples: Vec<Sampled>,
    /// By metric, subject, arm, then run.
    pub measured: Vec<Measured>,
    /// By name.
    pub saved: Vec<Saved>,
    /// Whether the run ended.
    pub finished: bool,
}

impl Evidence {
    /// Folds one more event in; refuses what repeats or contradicts an earlier one.
    pub fn push(&mut self, event: Event) -> Result<()> {
        if self.finished {
            return Err(refuse("an event after the end", RESTORE));
        }
        if self.started.is_none() != matches!(event, Event::Started(_)) {
            return Err(refuse("`started` is not the first event, or not the only one", RESTORE));
        }
        match event {
            Event::Started(started) => self.started = Some(started),
            Event::Trained(t) => insert(&mut self.trained, (t.unit.clone(), t.steps), t)?,
            Event::Sampled(s) => insert(&mut self.samples, (s.cell.clone(), s.index), s)?,
            Event::Measured(m) => {
                let key = (m.metric.clone(), m.subject, m.arm.clone(), m.run);
                insert(&mut self.measured, key, m)?;
            }
            Event::Saved(s) => insert(&mut self.saved, s.name.clone(), s)?,
            Event::Finished(_) => self.finished = true,
        }
        Ok(())
    }

    /// How the run began.
    pub fn started(&self) -> Option<&Started> {
        self.started.as_ref()
    }

    /// Whether the run ended.
    pub fn finished(&self) -> bool {
        self.finished
    }

    /// The training event of a unit at a number of steps.
    pub fn trained(&self, unit: &str, steps: u64) -> Option<&Trained> {
        self.trained.get(&(unit.to_owned(), steps))
    }

    /// Every training event, by unit, then steps.
    pub fn trainings(&self) -> impl Iterator<Item = &Trained> {
        self.trained.values()
    }

    /// One sample of a cell.
    pub fn sample(&self, cell: &Cell, index: u32) -> Option<&Sampled> {
        self.samples.get(&(cell.clone(), index))
    }

    /// The samples of a cell whose index is below `end`, in order.
    pub fn samples_of(&self, cell: &Cell, end: u32) -> impl Iterator<Item = &Sampled> {
        self.samples.range((cell.clone(), 0)..(cell.clone(), end)).map(|(_, sample)| sample)
    }

    /// Every sample, by cell, then index.
    pub fn samples(&self) -> impl Iterator<Item = &Sampled> {
        self.samples.values()
    }

    /// Everything else that was measured.
    pub fn measured(&self) -> impl Iterator<Item = &Measured> {
        self.measured.values()
    }

    /// One measurement, if it was made.
    pub fn measurement(
        &self,
        metric: &str,
        subject: Option<Role>,
        arm: Option<&str>,
        run: u32,
    ) -> Option<&Measured> {
        self.measured.get(&(metric.to_owned(), subject, arm.map(str::to_owned), run))
    }

    /// A model folder that was written.
    pub fn saved(&self, name: &str) -> Option<&Saved> {
        self.saved.get(name)
    }

    /// The text of `evidence.json`: canonical JSON and a line end.
    pub fn to_text(&self) -> Result<String> {
        Ok(canonical::to_text(&self.file()?)? + "\n")
    }

    /// The digest of the canonical JSON (without the line end).
    pub fn digest(&self) -> Result<Digest> {
        Digest::of_value(&self.file()?)
    }

    /// Reads the text of an `evidence.json`.
    pub fn from_text(file: &Path, text: &str) -> Result<Self> {
        canonical::from_text(file, text)
    }

    fn file(&self) -> Result<EvidenceFile> {
        match self.started {
            Some(_) => Ok(self.clone().into()),
            None => Err(refuse("evidence of a run that never began", RESTORE)),
        }
    }
}

const RESTORE: &str = "restore the file as the tool wrote it";

fn refuse(thing: impl Into<String>, remedy: &str) -> Error {
    Error::value(thing, remedy)
}

fn insert<K: Ord + std::fmt::Debug, V>(map: &mut BTreeMap<K, V>, key: K, value: V) -> Result<()> {
    match map.contains_key(&key) {
        true => Err(refuse(format!("a second event for {key:?}"), RESTORE)),
        false => {
            map.insert(key, value);
            Ok(())
        }
    }
}

impl From<Evidence> for EvidenceFile {
    fn from(evidence: Evidence) -> Self {
        let nothing =
            || Started { plan: Digest::of(b""), tool: String::new(), device: String::new() };
        Self {
            schema: 1,
            started: evidence.started.unwrap_or_else(nothing),
            trained: evidence.trained.into_values().collect(),
            samples: evidence.samples.into_values().collect(),
            measured: evidence.measured.into_values().collect(),
            saved: evidence.saved.into_values().collect(),
            finished: evidence.finished,
        }
    }
}

impl TryFrom<EvidenceFile> for Evidence {
    type Error = Error;

    /// Goes through [`Evidence::push`], so that a file refuses what a fold refuses.
    fn try_from(file: EvidenceFile) -> Result<Self> {
        if file.schema != 1 {
            return Err(refuse(format!("schema {}", file.schema), "this tool reads schema 1"));
        }
        let mut evidence = Self::default();
        let events = std::iter::once(Event::Started(file.started))
            .chain(file.trained.into_iter().map(Event::Trained))
            .chain(file.samples.into_iter().map(Event::Sampled))
            .chain(file.measured.into_iter().map(Event::Measured))
            .chain(file.saved.into_iter().map(Event::Saved))
            .chain(file.finished.then_some(Event::Finished(crate::event::Finished {})));
        for event in events {
            evidence.push(event)?;
        }
        Ok(evidence)
    }
}
