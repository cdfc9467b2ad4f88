//! Locks, so that two processes do not write the same thing.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::parent;
use crate::error::{Error, Result};

/// A hidden file beside what is being written, locked until this is dropped.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    file: Option<File>,
}

impl Lock {
    /// Locks `path`, which need not be there.
    ///
    /// # Errors
    /// Another process has it, or the lock cannot be written.
    pub fn beside(path: &Path) -> Result<Self> {
        let parent = parent(path);
        fs::create_dir_all(parent).map_err(Error::write(parent))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let path = parent.join(format!(".{name}.lock"));
        let file = Some(locked(&path).map_err(Error::write(&path))?);
        Ok(Self { path, file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A lock that stays is nobody's: the system frees it.
        let _ = fs::remove_file(&self.path);
        self.file.take();
    }
}

/// Opens a file for writing, makes it where there is none, and locks it.
pub(super) fn locked(path: &Path) -> io::Result<File> {
    loop {
        let file = OpenOptions::new().create(true).write(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) if is_at(&file, path) => return Ok(file),
            Ok(()) => {} // whoever had it has put it elsewhere, or removed it
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(io::ErrorKind::WouldBlock, "another run is writing it"));
            }
            Err(TryLockError::Error(source)) => return Err(source),
        }
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let place = |data: &fs::Metadata| (data.dev(), data.ino());
    matches!((&file.metadata(), &fs::metadata(path)), (Ok(a), Ok(b)) if place(a) == place(b))
}

/// Elsewhere a file that is open cannot be renamed or removed.
#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}
