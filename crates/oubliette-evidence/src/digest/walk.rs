//! Every file below a folder, through links that neither lead out of it nor go round.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Digest;
use crate::{Error, Result};

/// Most files and folders below a folder; what links repeat counts every time.
const MOST: usize = 100_000;
/// Most folders in one another.
const DEEPEST: usize = 16;

/// A walk through a folder, and what it has found.
pub(super) struct Walk {
    /// Relative path (with `/`) to digest.
    pub(super) files: BTreeMap<String, Digest>,
    /// No link may lead out of here.
    fence: PathBuf,
    /// Where the folders really lie that the walk is in, from the outermost to where it is.
    inside: Vec<PathBuf>,
    /// Digests by where the files really lie, so that none is read twice, however many links lead to it.
    known: BTreeMap<PathBuf, Digest>,
    entries: usize,
}

impl Walk {
    /// Walks through all of a folder.
    pub(super) fn through(folder: &Path) -> Result<Self> {
        let mut walk = Self {
            files: BTreeMap::new(),
            fence: fence(&real(folder)?),
            inside: Vec::new(),
            known: BTreeMap::new(),
            entries: 0,
        };
        walk.folder(folder, "")?;
        Ok(walk)
    }

    fn folder(&mut self, at: &Path, below: &str) -> Result<()> {
        let here = real(at)?;
        if self.inside.contains(&here) {
            let thing = "a link to a folder that it lies in, so that it goes round";
            return Err(Error::file(at, thing, "remove the link"));
        }
        if self.inside.len() > DEEPEST {
            let thing = format!("more than {DEEPEST} folders deep");
            return Err(Error::file(at, thing, "name the model's own folder"));
        }
        self.inside.push(here);
        for entry in std::fs::read_dir(at).map_err(|e| Error::io(at, e))? {
            self.entry(&entry.map_err(|e| Error::io(at, e))?.path(), below)?;
        }
        self.inside.pop();
        Ok(())
    }

    fn entry(&mut self, path: &Path, below: &str) -> Result<()> {
        let Some(name) = path.file_name().and_then(|n| n.to_str()) else {
            return Err(Error::file(path, "name is not UTF-8", "rename the file"));
        };
        if name.starts_with('.') {
            return Ok(());
        }
        self.entries += 1;
        if self.entries > MOST {
            let thing = format!(
                "more than {MOST} files and folders up to here, counting what links repeat"
            );
            return Err(Error::file(
                path,
                thing,
                "name the model's own folder, or remove such links",
            ));
        }
        let key = format!("{below}{name}");
        let lies = match path.is_symlink() {
            true => self.behind_the_fence(path)?,
            false => self.inside.last().map_or_else(|| path.to_owned(), |here| here.join(name)),
        };
        if path.is_dir() {
            return self.folder(path, &format!("{key}/"));
        }
        let digest = match self.known.get(&lies) {
            Some(digest) => *digest,
            None => Digest::of_file(path)?,
        };
        self.known.insert(lies, digest);
        self.files.insert(key, digest);
        Ok(())
    }

    /// Where a link really leads.
    fn behind_the_fence(&self, link: &Path) -> Result<PathBuf> {
        let lies = real(link)?;
        if lies.starts_with(&self.fence) {
            return Ok(lies);
        }
        let thing = format!("a link that leads out of the folder, to `{}`", lies.display());
        let remedy = "put what it leads to in its place; links are followed inside the folder, or inside its Hugging Face cache";
        Err(Error::file(link, thing, remedy))
    }
}

fn real(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|e| Error::io(path, e))
}

/// What no link of a real folder may lead out of: the folder itself, or the repository of a Hugging Face cache (`models--owner--name`, `datasets--...`) that it is
/// a snapshot of, since files of snapshots are links to blobs beside them.
pub fn fence(folder: &Path) -> PathBuf {
    let named = |at: &Path| {
        let name = at.file_name().and_then(|name| name.to_str());
        let kinds = ["models--", "datasets--"];
        name.is_some_and(|name| kinds.iter().any(|kind| name.starts_with(kind)))
    };
    let holds = |at: &Path| {
        let below = folder.strip_prefix(at.join("snapshots"));
        below.is_ok_and(|below| below != Path::new(""))
    };
    let repository = folder.ancestors().find(|at| named(at) && holds(at));
    repository.unwrap_or(folder).to_owned()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn made(home: &Path, names: &[&str]) {
        for name in names {
            let file = home.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, name).unwrap();
        }
    }

    fn refused(folder: &Path) -> String {
        Digest::of_folder(folder).unwrap_err().to_string()
    }

    #[test]
    fn snapshots_of_a_cache_are_digested_as_if_their_files_lay_there() {
        let home = tempfile::tempdir().unwrap();
        let (cache, plain) = (home.path().join("models--a--b"), home.path().join("plain"));
        made(&cache, &["blobs/1", "blobs/2"]);
        let snapshot = cache.join("snapshots/main");
        fs::create_dir_all(snapshot.join("unet")).unwrap();
        fs::create_dir_all(plain.join("unet")).unwrap();
        symlink("../../blobs/1", snapshot.join("model_index.json")).unwrap();
        symlink("../../../blobs/2", snapshot.join("unet/config.json")).unwrap();
        fs::copy(cache.join("blobs/1"), plain.join("model_index.json")).unwrap();
        fs::copy(cache.join("blobs/2"), plain.join("unet/config.json")).unwrap();
        let wanted = Digest::of_folder(&plain).unwrap();
        assert_eq!(Digest::of_folder(&snapshot).unwrap(), wanted);
        // By whatever way one comes there.
        symlink(&snapshot, home.path().join("model")).unwrap();
        assert_eq!(Digest::of_folder(&home.path().join("model")).unwrap(), wanted);
        assert_eq!(Walk::through(&cache).unwrap().files.len(), 4);
        // Of the cache alone, and not of what lies beside it.
        made(home.path(), &["secret"]);
        symlink("../../../secret", snapshot.join("vae.json")).unwrap();
        assert!(refused(&snapshot).contains("leads out of the folder"));
    }

    #[test]
    fn links_stay_in_the_folder() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("model");
        made(home.path(), &["model/a/x", "secret"]);
        symlink("a", folder.join("b")).unwrap();
        let files = Walk::through(&folder).unwrap().files;
        assert_eq!(files.keys().collect::<Vec<_>>(), ["a/x", "b/x"]);
        symlink(home.path(), folder.join("c")).unwrap();
        let said = refused(&folder);
        assert!(
            said.contains("model/c: a link that leads out") && said.contains("; put "),
            "{said}"
        );
        fs::remove_file(folder.join("c")).unwrap();
        symlink("..", folder.join("a/up")).unwrap();
        assert!(refused(&folder).contains("goes round; remove the link"));
    }

    #[test]
    fn links_that_multiply_come_to_an_end() {
        let home = tempfile::tempdir().unwrap();
        made(home.path(), &["9/x"]);
        for number in 0..9 {
            let folder = home.path().join(number.to_string());
            fs::create_dir(&folder).unwrap();
            for link in 0..10 {
                symlink(format!("../{}", number + 1), folder.join(format!("{link}"))).unwrap();
            }
        }
        let said = refused(home.path());
        assert!(said.contains("more than 100000 files and folders"), "{said}");
    }
}
