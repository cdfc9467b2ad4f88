//! What an unlearning cost: from the run's telemetry, and from what its folder has that the original's had not.
use crate::failure::Failure;
use oubliette_evidence::Error;
use oubliette_evidence::folder::{RunFolder, read_text};
use oubliette_evidence::report::Cost;
use serde_json::Value;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// The cost of the run that made `out` of `model`.
///
/// # Errors
/// A file cannot be read.
pub(super) fn of(run: &RunFolder, model: &Path, out: &Path) -> Result<Cost, Failure> {
    let text = if run.telemetry().is_file() { read_text(&run.telemetry())? } else { String::new() };
    let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let line = lines.find(|line| line["command"] == "unlearn");
    let number = |key: &str| line.as_ref().map(|line| line[key].clone());
    let seconds = number("seconds").and_then(|seconds| seconds.as_f64());
    let peak_memory_bytes = number("peak_memory_bytes").and_then(|bytes| bytes.as_u64());
    let (mut bytes, mut changed) = (0, 0);
    for file in weight_files(out)? {
        let before = model.join(file.strip_prefix(out).unwrap_or(&file));
        let read = |file: &Path| File::open(file).map(BufReader::new);
        let differ = match before.is_file() {
            true => read(&before).and_then(|before| differing(before, read(&file)?)),
            false => file.metadata().map(|metadata| metadata.len()),
        };
        changed += differ.map_err(|source| Error::io(&file, source))?;
        bytes += file.metadata().map_or(0, |metadata| metadata.len());
    }
    let bytes_changed = model.is_dir().then_some(changed);
    Ok(Cost { seconds, peak_memory_bytes, bytes_changed, bytes })
}

/// All weight files below a folder that this program wrote.
fn weight_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut all = Vec::new();
    let entries = folder.read_dir().and_then(Iterator::collect::<io::Result<Vec<_>>>);
    for entry in entries.map_err(|source| Error::io(folder, source))? {
        let path = entry.path();
        if path.is_dir() {
            all.extend(weight_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "safetensors") {
            all.push(path);
        }
    }
    Ok(all)
}

/// How many bytes of `b` are others than those of `a` in the same places.
fn differing(mut a: impl BufRead, mut b: impl BufRead) -> io::Result<u64> {
    let mut differ = 0;
    loop {
        let (old, new) = (a.fill_buf()?, b.fill_buf()?);
        let both = old.len().min(new.len());
        if both == 0 {
            // One of them has ended: the rest of `b`, if any, is new.
            return Ok(differ + io::copy(&mut b, &mut io::sink())?);
        }
        differ +=
            old[..both].iter().zip(&new[..both]).filter(|(old, new)| old != new).count() as u64;
        a.consume(both);
        b.consume(both);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn bytes_are_compared_in_their_places() {
        let differ = |a: &[u8], b: &[u8]| super::differing(a, b).unwrap();
        assert_eq!(differ(b"abcd", b"abcd"), 0);
        assert_eq!(differ(b"abcd", b"aXcY"), 2);
        assert_eq!(differ(b"ab", b"abcd"), 2);
        assert_eq!(differ(b"abcd", b""), 0);
    }
}
