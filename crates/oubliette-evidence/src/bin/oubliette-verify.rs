//! `oubliette-verify RUN`: derives verdict and report of a run again, and says whether a byte differs.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use oubliette_evidence::harmless;
use oubliette_evidence::verify::{Verification, verify};

const USAGE: &str = "\
Derives evidence, verdict and report of a run again from its plan and events, and compares every byte.

Usage: oubliette-verify [--json] RUN

  RUN      a run's folder: plan.json, events.jsonl, evidence.json, verdict.json, report.html, samples/
  --json   one JSON object on standard output

Exit codes: 0 authentic, 2 wrong usage or no run, 4 something differs.
Example: oubliette-verify runs/3f2a9c0d1e4b5a67
";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let (flags, paths): (Vec<&OsString>, Vec<&OsString>) =
        arguments.iter().partition(|argument| argument.as_encoded_bytes().starts_with(b"-"));
    if flags.iter().any(|flag| *flag == "-h" || *flag == "--help") {
        return say(USAGE, 0);
    }
    let json = matches!(flags.as_slice(), [flag] if *flag == "--json");
    let ([path], true) = (paths.as_slice(), json || flags.is_empty()) else {
        return complain(USAGE);
    };
    let path = Path::new(path);
    match verify(path) {
        Ok(found) => {
            let code = if found.authentic { 0 } else { 4 };
            say(&if json { object(&found) } else { words(path, &found) }, code)
        }
        Err(error) if json => {
            let object = serde_json::json!({"schema_version": 1, "error": error.to_string()});
            say(&format!("{}\n", harmless::json(&object.to_string())), 2)
        }
        Err(error) => {
            complain(&format!("oubliette-verify: {}\n", harmless::line(&error.to_string())))
        }
    }
}

fn object(found: &Verification) -> String {
    harmless::json(&serde_json::to_string(found).unwrap_or_default()) + "\n"
}

/// In words, and what a script may want to compare.
fn words(path: &Path, found: &Verification) -> String {
    let digest = |d: Option<oubliette_evidence::Digest>| d.map_or("-".into(), |d| d.to_string());
    found.words(path)
        + &format!("plan {}\nevidence {}\n", digest(found.plan), digest(found.evidence))
}

/// A reader who has gone away is no reason to fail.
fn say(text: &str, code: u8) -> ExitCode {
    drop(std::io::stdout().write_all(text.as_bytes()));
    ExitCode::from(code)
}

fn complain(text: &str) -> ExitCode {
    drop(std::io::stderr().write_all(text.as_bytes()));
    ExitCode::from(2)
}
