//! A folder whose files are looked up by plain names and never outside of it.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

const NOT_PLAIN: &str = "use plain file names inside the folder";

/// A model folder, or a snapshot in a Hugging Face cache, whose links lead to the cache's blobs.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
    /// No link may lead out of here: the folder itself, or the cache repository that it is part of.
    fence: PathBuf,
}

impl Folder {
    /// Opens a folder. A cache repository (`models--owner--name`) stands for the snapshot that its
    /// `refs/main` names.
    ///
    /// # Errors
    /// It is missing or not a folder.
    pub fn open(path: &Path) -> Result<Self> {
        let root = snapshot_of(path)?.unwrap_or_else(|| path.to_owned());
        let canonical = root.canonicalize().map_err(Error::read(&root))?;
        if !canonical.is_dir() {
            let remedy = "name the folder that holds `model_index.json` or `config.json`";
            return Err(Error::file(path, "is not a folder", remedy));
        }
        let fence = cache_repository(&canonical).unwrap_or_else(|| canonical.clone());
        Ok(Self { root, fence })
    }

    /// The path as it was given.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A folder inside this one, behind the same fence.
    ///
    /// # Errors
    /// The name is not plain, or the folder is missing or outside.
    pub fn folder(&self, name: &str) -> Result<Self> {
        let root = self.path(name)?;
        if root.is_dir() {
            Ok(Self { root, fence: self.fence.clone() })
        } else {
            let remedy = "get the whole model folder again";
            Err(Error::file(&root, "is missing or not a folder", remedy))
        }
    }

    /// Whether there is a file of that plain name.
    pub fn has(&self, name: &str) -> bool {
        is_plain(name) && self.root.join(name).is_file()
    }

    /// The path of a file or folder inside this one.
    ///
    /// # Errors
    /// The name is not plain, nothing is there, or a link leads outside.
    pub fn path(&self, name: &str) -> Result<PathBuf> {
        if !is_plain(name) {
            let why = format!("names the file `{name:.100}`, which could lead elsewhere");
            return Err(Error::file(&self.root, why, NOT_PLAIN));
        }
        let path = self.root.join(name);
        self.check(&path)?;
        Ok(path)
    }

    /// The path of a file inside this one, where anything has that name.
    ///
    /// # Errors
    /// The name is not plain, a link leads outside or nowhere, or it is no plain file.
    pub fn optional(&self, name: &str) -> Result<Option<PathBuf>> {
        if self.root.join(name).symlink_metadata().is_err() {
            return Ok(None);
        }
        let path = self.path(name)?;
        if path.is_file() {
            return Ok(Some(path));
        }
        Err(Error::file(&path, "is not a plain file", "put the file itself there, or nothing"))
    }

    /// Refuses a path that a link leads out of the folder.
    pub(crate) fn check(&self, path: &Path) -> Result<()> {
        let real = path.canonicalize().map_err(Error::read(path))?;
        if real.starts_with(&self.fence) {
            return Ok(());
        }
        let remedy =
            "put the file itself there; links are followed inside a Hugging Face cache only";
        Err(Error::file(path, format!("leads out of the folder, to `{}`", real.display()), remedy))
    }

    /// The plain names in this folder, sorted; hidden ones are left out.
    ///
    /// # Errors
    /// The folder cannot be read, or holds absurdly many entries.
    pub fn names(&self) -> Result<Vec<String>> {
        const MOST: usize = 10_000;
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(Error::read(&self.root))? {
            let entry = entry.map_err(Error::read(&self.root))?;
            match entry.file_name().into_string() {
                Ok(name) if is_plain(&name) => names.push(name),
                Ok(name) if name.starts_with('.') => {}
                _ => {
                    return Err(Error::file(&entry.path(), "has an odd name", NOT_PLAIN));
                }
            }
            if names.len() > MOST {
                let remedy = "name the model's own folder";
                return Err(Error::file(&self.root, format!("holds over {MOST} files"), remedy));
            }
        }
        names.sort();
        Ok(names)
    }
}

/// Whether a name from a foreign file is one plain, visible component of a path.
pub(crate) fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    let single = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
    let odd = |c: char| c.is_control() || matches!(c, '/' | '\\' | ':');
    single && !name.starts_with('.') && !name.contains(odd) && name.len() <= 255
}

/// The snapshot that a cache repository's `refs/main` names.
fn snapshot_of(path: &Path) -> Result<Option<PathBuf>> {
    let reference = path.join("refs").join("main");
    if !path.join("snapshots").is_dir() || !reference.is_file() {
        return Ok(None);
    }
    let bytes = super::read_capped(&reference, 256)?;
    let name = String::from_utf8_lossy(&bytes).trim().to_owned();
    if !is_plain(&name) {
        return Err(Error::file(
            &reference,
            "does not name a snapshot",
            "name the snapshot's folder",
        ));
    }
    Ok(Some(path.join("snapshots").join(name)))
}

/// The cache repository that a folder is a snapshot of: `models--owner--name/snapshots/revision`.
fn cache_repository(canonical: &Path) -> Option<PathBuf> {
    let snapshots = canonical.parent()?;
    let repository = snapshots.parent()?;
    let named = repository.file_name()?.to_str()?.starts_with("models--");
    (named && snapshots.file_name()? == "snapshots").then(|| repository.to_owned())
}
