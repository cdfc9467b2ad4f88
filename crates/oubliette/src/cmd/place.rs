//! Whether files can be written where they are asked for, looked at before anything is done for them.
use crate::exit::Exit;
use crate::failure::Failure;
use std::io;
use std::path::{Path, PathBuf};

/// Refuses a place where the files could not be written; all of them lie in one folder.
///
/// # Errors
/// One is a folder, or nothing can be written in the folder that they lie in.
pub(super) fn check(files: &[PathBuf]) -> Result<(), Failure> {
    let refused = |path: &Path, why: &str| {
        let message = format!("`{}` {why}; choose another place with `--out`", path.display());
        Failure::new("file-unwritable", Exit::Input, message)
    };
    if let Some(taken) = files.iter().find(|file| file.is_dir()) {
        return Err(refused(taken, "is a folder"));
    }
    let folder = files.first().and_then(|file| file.parent());
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(refused(folder, "is no folder that is there"));
    }
    match tempfile::Builder::new().prefix(".oubliette-").tempfile_in(folder) {
        Ok(_) => Ok(()),
        // Its own words name the file that was tried.
        Err(source) => Err(Failure::unwritable(folder, &io::Error::from(source.kind()))),
    }
}
