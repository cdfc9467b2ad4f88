//! A verdict as an answer: in words, for programs, and as an exit.
use super::Answer;
use crate::exit::Exit;
use oubliette_evidence::folder::RunFolder;
use oubliette_evidence::{Judgment, Verdict};
use serde::Serialize;
use std::path::PathBuf;

/// The result of an audit.
#[derive(Serialize)]
struct Audited<'a> {
    sentence: &'a str,
    verdict: &'a Verdict,
    caveats: &'a [String],
    run: PathBuf,
    report: PathBuf,
    plan_digest: String,
    evidence_digest: String,
}

/// The verdict in words and for programs; it decides how the program ends.
pub(super) fn answer(run: &RunFolder, judgment: &Judgment, text: &str) -> Answer {
    let result = Audited {
        sentence: &judgment.sentence,
        verdict: &judgment.verdict,
        caveats: &judgment.caveats,
        run: run.path().to_owned(),
        report: run.report(),
        plan_digest: judgment.plan.to_string(),
        evidence_digest: judgment.evidence.to_string(),
    };
    let text = format!("{text}\nReport: {}", run.report().display());
    Answer::ending(Exit::of(&judgment.verdict), result, text)
}
