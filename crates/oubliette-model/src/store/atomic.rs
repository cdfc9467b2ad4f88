//! A new folder that is there whole or not at all.
//!
//! Files go into a hidden sibling, are flushed to the disk, and the sibling is renamed at the end.

mod lock;
mod replaced;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

pub use lock::Lock;
pub(super) use replaced::replaced;

use crate::error::{Error, Result};

/// A folder that is being written. Dropped before [`NewFolder::finish`], it vanishes.
#[derive(Debug)]
pub struct NewFolder {
    destination: PathBuf,
    partial: PathBuf,
    finished: bool,
    /// Held while writing, so that two runs do not write the same folder.
    _lock: Lock,
}

impl NewFolder {
    /// Begins a folder at `destination`. What an interrupted run left of the same folder goes.
    ///
    /// # Errors
    /// The destination exists, its parent does not, or another run is writing it.
    pub fn create(destination: &Path) -> Result<Self> {
        if destination.symlink_metadata().is_ok() {
            return Err(Error::Exists { path: destination.to_owned() });
        }
        let name = destination.file_name().and_then(|name| name.to_str());
        let Some(name) = name else {
            return Err(Error::file(
                destination,
                "is not the name of a folder",
                "name a new folder",
            ));
        };
        let lock = Lock::beside(destination)?;
        let partial = parent(destination).join(format!(".{name}.incomplete"));
        if partial.symlink_metadata().is_ok() {
            fs::remove_dir_all(&partial).map_err(Error::write(&partial))?;
        }
        fs::create_dir(&partial).map_err(Error::write(&partial))?;
        let destination = destination.to_owned();
        Ok(Self { destination, partial, finished: false, _lock: lock })
    }

    /// Where a file of the folder is while it is being written; makes the folders above it.
    ///
    /// # Errors
    /// A folder cannot be made.
    pub fn place(&self, relative: &Path) -> Result<PathBuf> {
        let path = self.partial.join(relative);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(Error::write(parent))?;
        }
        Ok(path)
    }

    /// Writes a small file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, relative: &Path, bytes: &[u8]) -> Result<()> {
        let path = self.place(relative)?;
        let write = || -> io::Result<()> {
            let mut file = File::create(&path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(Error::write(&self.destination.join(relative)))
    }

    /// Writes a JSON file, indented.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_json(&self, relative: &str, value: &Value) -> Result<()> {
        self.write(Path::new(relative), format!("{value:#}\n").as_bytes())
    }

    /// Copies a file byte for byte.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn copy(&self, from: &Path, relative: &Path) -> Result<()> {
        let path = self.place(relative)?;
        let mut source = File::open(from).map_err(Error::read(from))?;
        let mut copy = || -> io::Result<()> {
            let mut file = File::create(&path)?;
            io::copy(&mut source, &mut file)?;
            file.sync_all()
        };
        copy().map_err(Error::write(&self.destination.join(relative)))
    }

    /// Makes the folder appear under its name.
    ///
    /// # Errors
    /// It cannot be flushed or renamed, or something else took the name meanwhile.
    pub fn finish(mut self) -> Result<()> {
        sync_folders(&self.partial)?;
        if self.destination.symlink_metadata().is_ok() {
            return Err(Error::Exists { path: self.destination.clone() });
        }
        fs::rename(&self.partial, &self.destination).map_err(Error::write(&self.destination))?;
        self.finished = true;
        let parent = self.partial.parent().unwrap_or(Path::new("."));
        sync_folder(parent).map_err(Error::write(parent))
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        // Nothing can be reported from here; what stays is swept away by the next run.
        if !self.finished {
            let _ = fs::remove_dir_all(&self.partial);
        }
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_folders(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(Error::read(folder))? {
        let path = entry.map_err(Error::read(folder))?.path();
        if path.is_dir() {
            sync_folders(&path)?;
        }
    }
    sync_folder(folder).map_err(Error::write(folder))
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Only Unix can flush a folder; elsewhere the rename is as safe as the system makes it.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
