//! Opens files that have an end: a pipe waits for whoever writes into it, and a device may go on for ever.

use std::fs::{self, File};
use std::path::Path;

use crate::error::{Error, Result};

/// Opens a plain file for reading.
///
/// # Errors
/// It cannot be read, or is a device or a pipe.
pub(crate) fn open_plain(path: &Path) -> Result<File> {
    // Asked before it is opened, since opening a pipe is what waits.
    let kind = fs::metadata(path).map_err(Error::read(path))?.file_type();
    // That it is a folder, the system says itself.
    if kind.is_file() || kind.is_dir() {
        return File::open(path).map_err(Error::read(path));
    }
    let remedy = "put the file itself in its place, or remove it";
    Err(Error::file(path, "is a device or a pipe, no plain file", remedy))
}
