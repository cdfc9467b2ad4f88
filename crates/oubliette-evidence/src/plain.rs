//! Files that others gave: plain ones, and no more of them than is bearable.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::path::Path;

use crate::{Error, Result};

/// All bytes of a plain file of at most `most`; `remedy` says what to do with a larger one.
///
/// # Errors
/// It cannot be read, is larger, or is a device or a pipe, which never ends.
pub fn read(file: &Path, most: u64, remedy: &str) -> Result<Vec<u8>> {
    let opened = open(file)?;
    let mut bytes = Vec::new();
    opened.take(most + 1).read_to_end(&mut bytes).map_err(|e| Error::io(file, e))?;
    if bytes.len() as u64 > most {
        let thing = format!("more than the {most} bytes that are read");
        return Err(Error::file(file, thing, remedy));
    }
    Ok(bytes)
}

/// Opens a plain file.
///
/// # Errors
/// As [`read`].
pub fn open(file: &Path) -> Result<File> {
    // Before it is opened: a pipe without a writer would wait for one.
    let about = std::fs::metadata(file).map_err(|e| Error::io(file, e))?;
    if !is_plain(&about) {
        let remedy = "put the file itself in its place, or remove it";
        return Err(Error::file(file, "a device or a pipe, no plain file", remedy));
    }
    File::open(file).map_err(|e| Error::io(file, e))
}

/// Of a folder, the system says better what it is.
fn is_plain(about: &Metadata) -> bool {
    about.is_file() || about.is_dir()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_never_ends_is_refused_and_what_is_too_long_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("recipe.toml");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        let refused = read(&link, 10, "").unwrap_err().to_string();
        assert!(refused.contains("no plain file") && refused.contains("recipe.toml"), "{refused}");
        let text = folder.path().join("long");
        std::fs::write(&text, [b'a'; 11]).unwrap();
        assert!(read(&text, 10, "split it").unwrap_err().to_string().contains("split it"));
        assert_eq!(read(&text, 11, "").unwrap().len(), 11);
    }
}
