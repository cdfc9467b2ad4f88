//! A model folder that appears whole, with its card, under its name; or not at all.

use std::{
    fs,
    path::{Path, PathBuf},
};

use oubliette_evidence::{Digest, digest::files_of, event::Saved};
use oubliette_model::{
    Weights,
    families::StableDiffusion,
    store::{CardSection, Lock},
};

use super::Journal;
use crate::{Error, Result};

/// Saves `sd` with `changed` weights and one more section on its card, under `out`.
///
/// # Errors
/// When something else lies there already, or the disk is full.
pub(super) fn save(
    sd: &StableDiffusion,
    changed: &Weights,
    section: &CardSection,
    out: &Path,
) -> Result<Saved> {
    appear(out, |unfinished| Ok(sd.save(unfinished, changed, Some(section))?))
}

/// Has `write` make a folder under a hidden name, and puts it in its place when it is whole.
///
/// # Errors
/// As [`save`], and what `write` returns.
pub(super) fn appear(out: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<Saved> {
    let (unfinished, _lock) = (beside(out), Lock::beside(out)?);
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(Error::io("write", &unfinished))?;
    }
    write(&unfinished)?;
    let digest = Digest::of_folder(&unfinished)?;
    settle(&unfinished, out, digest)?;
    let name = out.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Ok(Saved { name, digest, files: files_of(out)? })
}

/// Refuses before anything is trained what could not appear at the end: where something else lies, or no folder can be made. With all of its
/// trainings recorded, what lies there may be this run's own, from just before it was killed.
///
/// # Errors
/// As said.
pub(super) fn check_free(out: &Path, trained: bool) -> Result<()> {
    if !trained && out.symlink_metadata().is_ok() {
        return Err(Error::Taken { path: out.to_owned() });
    }
    match out.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => fs::create_dir_all(parent).map_err(Error::io("create", parent)),
        None => Ok(()),
    }
}

/// Checks that the folder which a finished run wrote is still there as it was.
///
/// # Errors
/// When it is gone or different.
pub(super) fn check(out: &Path, journal: &Journal) -> Result<()> {
    let name = out.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let known = journal.evidence().saved(&name).map(|saved| saved.digest);
    let there = if out.is_dir() { Some(Digest::of_folder(out)?) } else { None };
    match known == there {
        true => Ok(()),
        false if there.is_none() => Err(Error::Changed {
            path: journal.folder().to_owned(),
            thing: format!("the run is finished, and `{}`, which it made, is gone", out.display()),
        }),
        false => {
            Err(Error::Changed { path: out.to_owned(), thing: "its content is another".to_owned() })
        }
    }
}

/// A crash may come between the renaming and the event, so the same content under the name is no obstacle.
fn settle(unfinished: &Path, out: &Path, digest: Digest) -> Result<()> {
    if out.exists() {
        let same = out.is_dir() && Digest::of_folder(out)? == digest;
        fs::remove_dir_all(unfinished).map_err(Error::io("write", unfinished))?;
        return if same { Ok(()) } else { Err(Error::Taken { path: out.to_owned() }) };
    }
    fs::rename(unfinished, out).map_err(Error::io("write", out))
}

/// Hidden, so that nobody takes it for a model.
fn beside(out: &Path) -> PathBuf {
    let name = out.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    out.with_file_name(format!(".{name}.unfinished"))
}
