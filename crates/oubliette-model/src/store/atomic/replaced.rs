//! A file that is exchanged whole or not at all.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::lock::locked;
use super::{parent, sync_folder};
use crate::error::{Error, Result};

/// Puts what `write` writes in the place of `path`: to a sibling first, flushed, then renamed.
///
/// # Errors
/// It cannot be written, or another process is writing it; what was there before is then still there.
pub(crate) fn replaced(path: &Path, write: impl FnOnce(&File) -> io::Result<()>) -> Result<()> {
    let parent = parent(path);
    fs::create_dir_all(parent).map_err(Error::write(parent))?;
    let mut partial = path.as_os_str().to_owned();
    partial.push(".incomplete");
    let partial = PathBuf::from(partial);
    let file = locked(&partial).map_err(Error::write(path))?;
    let replace = || -> io::Result<()> {
        file.set_len(0)?;
        write(&file)?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        sync_folder(parent)
    };
    replace().map_err(|source| {
        // The error that matters is the first one.
        let _ = fs::remove_file(&partial);
        Error::write(path)(source)
    })
}
