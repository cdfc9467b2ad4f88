//! What earlier runs of one folder made, by the digest of all that it follows from, so that no run makes it again.
//!
//! Notes lie in `.known/` below the runs, one file each. Without them everything is made again, with the same
//! evidence, since the same plan gives the same bytes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use oubliette_evidence::{Digest, folder::write_whole};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, Result};

/// Whose notes are taken: this version's, and of it those from when the same request comes to the same thing. The number goes up when it
/// does not: 2 since times are exact in every format.
pub(crate) const MAKER: (&str, u32) = (env!("CARGO_PKG_VERSION"), 2);

/// The notes below one folder of runs.
#[derive(Debug, Clone)]
pub(crate) struct Notes {
    runs: PathBuf,
}

impl Notes {
    /// The notes of the runs in `runs`.
    pub(crate) fn of(runs: &Path) -> Self {
        Self { runs: runs.to_owned() }
    }

    /// The folder of the runs.
    pub(crate) fn runs(&self) -> &Path {
        &self.runs
    }

    /// A note; one that cannot be read is none.
    pub(crate) fn read<T: DeserializeOwned>(&self, key: Digest) -> Option<T> {
        serde_json::from_slice(&self.bytes(key)?).ok()
    }

    /// What lies under a key; nothing where that is no plain file, which might never end.
    pub(crate) fn bytes(&self, key: Digest) -> Option<Vec<u8>> {
        let file = self.file(key);
        file.is_file().then(|| fs::read(file).ok()).flatten()
    }

    /// Writes a note. Where that is not possible there is none, and what it says will be made again: no reason to end a run.
    pub(crate) fn write(&self, key: Digest, note: &impl Serialize) {
        let text = serde_json::to_vec(note).expect("notes are plain structs with text keys");
        let _ = self.room(key).and_then(|file| Ok(write_whole(&file, &text)?));
    }

    /// The file of a note.
    pub(crate) fn file(&self, key: Digest) -> PathBuf {
        let name = key.to_string();
        self.runs.join(".known").join(&name[..2]).join(&name[2..])
    }

    /// The same, in a folder that is there.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub(crate) fn room(&self, key: Digest) -> Result<PathBuf> {
        let file = self.file(key);
        let folder = file.parent().unwrap_or(&self.runs);
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        Ok(file)
    }
}

/// The digest of plain values; the same values give the same text.
pub(crate) fn key(of: &impl Serialize) -> Digest {
    Digest::of(&serde_json::to_vec(of).expect("plain values with text keys can be written"))
}
