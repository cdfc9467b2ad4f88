//! What a `generate` that was stopped has written: a hidden note beside the pictures, from which the same command goes on.
use crate::failure::Failure;
use oubliette_evidence::Digest;
use oubliette_evidence::{folder::write_whole, plain};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Longest note that is read, in bytes; one of a thousand pictures has a tenth of it.
const MAX_BYTES: u64 = 1 << 20;

/// The pictures of a request that are written while others are not.
pub(super) struct Unfinished {
    file: PathBuf,
    note: Note,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    /// All that the pictures follow from.
    request: Digest,
    /// The PNG file of every picture that is written, by its number.
    written: BTreeMap<usize, Digest>,
}

impl Unfinished {
    /// What the same request has left at its place; of another one, nothing.
    pub(super) fn of(out: &Path, request: Digest) -> Unfinished {
        let file = place(out);
        let there = plain::read(&file, MAX_BYTES, "remove it").ok();
        let there = there.and_then(|bytes| serde_json::from_slice::<Note>(&bytes).ok());
        let note = there.filter(|note| note.request == request);
        let note = note.unwrap_or_else(|| Note { request, written: BTreeMap::new() });
        Unfinished { file, note }
    }

    /// Whether a picture lies there as it was written.
    pub(super) fn has(&self, index: usize, picture: &Path) -> bool {
        let written = self.note.written.get(&index);
        written.is_some_and(|written| Digest::of_file(picture).is_ok_and(|now| now == *written))
    }

    /// Takes in that a picture is written.
    pub(super) fn note(&mut self, index: usize, digest: Digest) {
        self.note.written.insert(index, digest);
    }

    /// Writes the note.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn keep(&self) -> Result<(), Failure> {
        let text = serde_json::to_vec(&self.note).expect("digests by numbers");
        Ok(write_whole(&self.file, &text)?)
    }
}

/// Removes the note once all pictures are there. One that stays is in nobody's way: what it says is looked at before it counts.
pub(super) fn end(out: &Path) {
    let _ = fs::remove_file(place(out));
}

fn place(out: &Path) -> PathBuf {
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    out.with_file_name(format!(".{name}.unfinished"))
}
