//! What `--dry-run` answers: the plan, and the memory and time that it expects.
use super::Answer;
use crate::expect::Expectation;
use crate::failure::Failure;
use oubliette_evidence::Plan;
use oubliette_evidence::folder::RunFolder;
use serde::Serialize;
use serde_json::Value;
use std::path::PathBuf;

/// The result of a dry run.
#[derive(Serialize)]
struct Planned<'a> {
    plan_digest: String,
    run: PathBuf,
    /// Whether the run folder is there already and would be taken up.
    begun: bool,
    expected: &'a Expectation,
    plan: Value,
}

/// The plan, printed and not run.
pub(super) fn answer(
    plan: &Plan,
    run: &RunFolder,
    expected: &Expectation,
) -> Result<Answer, Failure> {
    let text = plan.to_text()?;
    let value: Value = serde_json::from_str(&text).expect("a plan's own text is JSON");
    let begun = run.events().exists();
    let words = format!(
        "{}\n\nplan {}\nrun folder {}{}\n{expected}\nNothing was done.",
        serde_json::to_string_pretty(&value).expect("JSON that was read can be written"),
        plan.digest()?,
        run.path().display(),
        if begun { " (begun: the same command takes it up)" } else { "" },
    );
    let result = Planned {
        plan_digest: plan.digest()?.to_string(),
        run: run.path().to_owned(),
        begun,
        expected,
        plan: value,
    };
    Ok(Answer::done(result, words))
}
