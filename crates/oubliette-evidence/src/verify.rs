//! Verification: verdict and report derived again from a run's folder, byte for byte.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evidence::Log;
use crate::folder::{RunFolder, read_text};
use crate::harmless;
use crate::report::{self, Folder, Pictures as _};
use crate::{AuditPlan, Digest, Error, Evidence, Next, Plan, Result, judge, next};

/// What verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    /// Always 1.
    pub schema_version: u32,
    /// Every file is what follows from the plan and the events.
    pub authentic: bool,
    /// Digest of the plan, when it can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Digest>,
    /// Digest of the evidence, when the events can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Digest>,
    /// The verdict in one sentence, derived again; audits only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentence: Option<String>,
    /// Pictures that were read and compared with their digests.
    pub pictures: u32,
    /// What differs.
    pub differences: Vec<Difference>,
}

impl Verification {
    /// In words, for the run's folder by that name.
    pub fn words(&self, run: &Path) -> String {
        let run = harmless::line(&run.to_string_lossy());
        let mut text = match self.authentic {
            true => format!("{run}: authentic; {} pictures compared\n", self.pictures),
            false => format!("{run}: NOT AUTHENTIC\n"),
        };
        for Difference { file, thing } in &self.differences {
            text += &format!("  {}: {}\n", harmless::line(file), harmless::line(thing));
        }
        if let Some(sentence) = &self.sentence {
            text += &format!("{}\n", harmless::line(sentence));
        }
        text
    }
}

/// One file that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// Its name in the run's folder.
    pub file: String,
    /// What is wrong with it.
    pub thing: String,
}

/// Checks a run's folder. An error means that there is nothing to check; what is there and wrong is a
/// difference.
pub fn verify(path: &Path) -> Result<Verification> {
    let folder = RunFolder::at(path);
    if !folder.plan().is_file() || !folder.events().is_file() {
        let remedy = "name a run's folder, with `plan.json` and `events.jsonl` in it";
        return Err(Error::file(path, "not a run's folder", remedy));
    }
    check_readable(&folder)?;
    let mut found = Verification {
        schema_version: 1,
        authentic: false,
        plan: None,
        evidence: None,
        sentence: None,
        pictures: 0,
        differences: Vec::new(),
    };
    if let Err((file, error)) = check(&folder, &mut found) {
        found.differ(file, error.to_string());
    }
    found.authentic = found.differences.is_empty();
    Ok(found)
}

/// A file that this user may not read says nothing about who wrote it.
fn check_readable(folder: &RunFolder) -> Result<()> {
    let files =
        [folder.plan(), folder.events(), folder.evidence(), folder.verdict(), folder.report()];
    let refused = |file: &PathBuf| match crate::plain::open(file) {
        Err(Error::Io { source, .. }) => source.kind() == ErrorKind::PermissionDenied,
        _ => false,
    };
    match files.iter().find(|file| refused(file)) {
        Some(file) => {
            let remedy = "ask its owner for a copy that you may read";
            Err(Error::file(file, "you may not read it, so nothing can be said", remedy))
        }
        None => Ok(()),
    }
}

impl Verification {
    fn differ(&mut self, file: &str, thing: impl Into<String>) {
        self.differences.push(Difference { file: file.to_owned(), thing: thing.into() });
    }

    /// Compares a file with the text that it should be.
    fn compare(&mut self, path: &Path, name: &str, text: &str) {
        match read_text(path) {
            Ok(there) if there == text => {}
            Ok(there) => {
                let pairs = there.bytes().zip(text.bytes());
                let at = pairs.take_while(|(a, b)| a == b).count();
                self.differ(name, format!("not what follows from the events, from byte {at} on"));
            }
            Err(error) => self.differ(name, error.to_string()),
        }
    }
}

/// What stops verification: the file, and why.
type Stop = (&'static str, Error);

fn check(folder: &RunFolder, found: &mut Verification) -> Result<(), Stop> {
    let (plan, events) = (folder.plan(), folder.events());
    let of_plan = |e| ("plan.json", e);
    let of_events = |e| ("events.jsonl", e);
    let text = read_text(&plan).map_err(of_plan)?;
    if !text.ends_with('\n') {
        found.differ("plan.json", "its last line end is missing");
    }
    let plan = Plan::from_text(&plan, &text).map_err(of_plan)?;
    let digest = plan.digest().map_err(of_plan)?;
    found.plan = Some(digest);
    let log = Log::parse(&events, read_text(&events).map_err(of_events)?.as_bytes());
    let Log { evidence, torn, .. } = log.map_err(of_events)?;
    evidence.check_plan(digest).map_err(of_events)?;
    if torn || !evidence.finished() {
        found.differ("events.jsonl", "the run has not ended");
    }
    let text = evidence.to_text().map_err(of_events)?;
    found.evidence = Some(evidence.digest().map_err(of_events)?);
    found.compare(&folder.evidence(), "evidence.json", &text);
    match &plan {
        Plan::Audit(plan) => audit(folder, plan, &evidence, found),
        Plan::Unlearn(_) | Plan::Update(_) => Ok(()),
    }
}

fn audit(
    folder: &RunFolder,
    plan: &AuditPlan,
    evidence: &Evidence,
    found: &mut Verification,
) -> Result<(), Stop> {
    let of_events = |e| ("events.jsonl", e);
    let judgment = judge(plan, evidence).map_err(of_events)?;
    if evidence.finished() && next(plan, evidence).map_err(of_events)? != Next::Stop {
        found.differ("events.jsonl", "it ends before the plan does");
    }
    let text = judgment.to_text().map_err(|e| ("verdict.json", e))?;
    found.compare(&folder.verdict(), "verdict.json", &text);
    found.sentence = Some(judgment.sentence.clone());
    pictures(folder, evidence, found);
    let page = report::render(plan, evidence, &judgment, &Folder::of_run(folder.path()));
    match page {
        Ok(page) => found.compare(&folder.report(), "report.html", &page),
        Err(error) => found.differ("report.html", error.to_string()),
    }
    Ok(())
}

/// Every picture of the evidence has to be there and be the one it is named for, and no other.
fn pictures(folder: &RunFolder, evidence: &Evidence, found: &mut Verification) {
    let source = Folder::of_run(folder.path());
    let mut wanted: Vec<Digest> = evidence.samples().map(|sample| sample.picture).collect();
    wanted.sort_unstable();
    wanted.dedup();
    for digest in &wanted {
        let name = format!("samples/{digest}.png");
        match source.png(digest) {
            Ok(Some(_)) => found.pictures += 1,
            Ok(None) => found.differ(&name, "missing"),
            Err(error) => found.differ(&name, error.to_string()),
        }
    }
    let names = match names(&folder.samples()) {
        Ok(names) => names,
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        Err(error) => return found.differ("samples", format!("cannot be listed: {error}")),
    };
    for name in names {
        let digest = name.to_str().and_then(|name| name.strip_suffix(".png")?.parse().ok());
        if digest.is_none_or(|digest| wanted.binary_search(&digest).is_err()) {
            found.differ(&format!("samples/{}", name.to_string_lossy()), "in no event");
        }
    }
}

/// The names in a folder, sorted. Hidden ones are left out: what was being written when a run was killed has such a name, and no file of
/// a run has.
fn names(folder: &Path) -> std::io::Result<Vec<OsString>> {
    let names = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name()));
    let mut names = names.collect::<std::io::Result<Vec<_>>>()?;
    names.retain(|name| !name.as_encoded_bytes().starts_with(b"."));
    names.sort_unstable();
    Ok(names)
}
