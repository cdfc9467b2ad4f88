//! Reading `events.jsonl`, whole or with a last line that a crash tore.

use std::path::Path;

use super::Evidence;
use crate::{Error, Event, Result};

/// Longest event file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 30;

/// What an event file holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    /// The fold of the whole lines.
    pub evidence: Evidence,
    /// Bytes of the whole lines: before a run goes on, the file is cut to this length.
    pub intact: u64,
    /// Whether bytes follow that are no whole line.
    pub torn: bool,
}

impl Log {
    /// Folds the bytes of an event file. What follows the last line end is torn and left out;
    /// everything before it has to be events, each in canonical form, none twice.
    pub fn parse(file: &Path, bytes: &[u8]) -> Result<Self> {
        let intact = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let whole = bytes.get(..intact).unwrap_or_default();
        let at_line = |line: usize, thing: String| Error::Event {
            file: file.to_owned(),
            line,
            thing,
            remedy: remedy(file),
        };
        // A first line that a crash tore has none: within an event it is escaped.
        if intact == 0 && bytes.contains(&b'\r') {
            return Err(at_line(1, FOREIGN_END.to_owned()));
        }
        let text =
            std::str::from_utf8(whole).map_err(|_| Error::file(file, "not UTF-8", remedy(file)))?;
        let mut evidence = Evidence::default();
        for (i, line) in text.split_terminator('\n').enumerate() {
            if line.ends_with('\r') {
                return Err(at_line(i + 1, FOREIGN_END.to_owned()));
            }
            let event = Event::from_line(file, line)
                .map_err(|e| at_line(i + 1, format!("no event: {}", thing(e))))?;
            evidence.push(event).map_err(|e| at_line(i + 1, thing(e)))?;
        }
        Ok(Self { evidence, intact: intact as u64, torn: intact < bytes.len() })
    }
}

/// An editor, or a transfer as text, changed the file.
const FOREIGN_END: &str = "its end is that of another system's lines (a carriage return)";

/// What is wrong, without the place and the remedy, which the line has of its own.
fn thing(error: Error) -> String {
    match error {
        Error::File { thing, .. } | Error::Value { thing, .. } => thing,
        other => other.to_string(),
    }
}

fn remedy(file: &Path) -> String {
    let folder = file.parent().unwrap_or(file).display();
    format!("restore the file as it was written, or remove `{folder}` and run again")
}

/// Reads an event file; one that is not there is an empty one.
pub fn read_log(file: &Path) -> Result<Log> {
    match std::fs::metadata(file) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Log::default()),
        _ => Log::parse(file, &crate::plain::read(file, MAX_BYTES, &remedy(file))?),
    }
}
