//! A model folder that appears whole, with its card, under its name; or not at all.

use std::{collections::BTreeMap, fs, path::Path};

use oubliette_evidence::{
    Digest, Event, digest::files_of, event::Saved, evidence::read_log, folder::RunFolder,
};
use oubliette_model::{
    Weights,
    device::Precision,
    error::may_pass,
    families::{LoadOptions, StableDiffusion},
    lora::Lora,
    store::{CardSection, Lock},
};

use super::{Context, Journal};
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
    appear(out, |to| Ok(sd.save(to, changed, Some(section))?))
}

/// Has `write` make a new folder, which appears whole.
///
/// # Errors
/// As [`save`], and what `write` returns.
fn appear(out: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<Saved> {
    if out.symlink_metadata().is_err() {
        write(out)?;
        return saved(out, files_of(out)?);
    }
    // A crash may come between the appearing and the event, so the same content under the name is no obstacle.
    let again = out.with_file_name(format!(".{}.again", name_of(out)));
    if again.exists() {
        fs::remove_dir_all(&again).map_err(Error::io("write", &again))?;
    }
    write(&again)?;
    let made = files_of(&again)?;
    fs::remove_dir_all(&again).map_err(Error::io("write", &again))?;
    match out.is_dir() && files_of(out)? == made {
        true => saved(out, made),
        false => Err(Error::Taken { path: out.to_owned() }),
    }
}

/// What the evidence says of a folder with these files.
fn saved(out: &Path, files: BTreeMap<String, Digest>) -> Result<Saved> {
    Ok(Saved { name: name_of(out), digest: Digest::of_value(&files)?, files })
}

fn name_of(out: &Path) -> String {
    out.file_name().unwrap_or_default().to_string_lossy().into_owned()
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
    // What keeps two runs from writing one folder is made there at the end in any case.
    match Lock::beside(out) {
        Ok(_) => Ok(()),
        Err(oubliette_model::Error::Write { source, .. }) if !may_pass(source.kind()) => {
            Err(unwritable(parent(out), source))
        }
        Err(error) => Err(error.into()),
    }
}

/// What a run of this plan would refuse before its first step, as far as it can be known without writing anything.
///
/// # Errors
/// When something lies at `out` that the run has not made, or no folder can be made there.
pub fn would_be_free(out: &Path, run: &RunFolder, trainings: usize) -> Result<()> {
    let evidence = read_log(&run.events())?.evidence;
    let begun = evidence.finished() || evidence.trainings().count() >= trainings.max(1);
    if !begun && out.symlink_metadata().is_ok() {
        return Err(Error::Taken { path: out.to_owned() });
    }
    // The nearest thing that is there is where folders would be made.
    let there = out.ancestors().skip(1).find_map(|above| Some((above, fs::metadata(above).ok()?)));
    match there {
        Some((above, data)) if !data.is_dir() => {
            Err(unwritable(above, std::io::ErrorKind::NotADirectory.into()))
        }
        Some((above, data)) if data.permissions().readonly() => {
            Err(unwritable(above, std::io::ErrorKind::PermissionDenied.into()))
        }
        _ => Ok(()),
    }
}

fn parent(out: &Path) -> &Path {
    out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The model as its folder holds it and the weights that the adapter makes of it, where one was trained in a shorter format: that has rounded both more
/// coarsely than the adapter moves them.
///
/// # Errors
/// When the folder cannot be read again.
pub(super) fn unrounded(
    adapter: Option<&Lora>,
    model: &Path,
    context: &Context,
) -> Result<Option<(StableDiffusion, Weights)>> {
    let options = context.options()?;
    let Some(adapter) = adapter.filter(|_| options.dtype != Precision::F32) else {
        return Ok(None);
    };
    let options = LoadOptions { dtype: Precision::F32, ..options };
    let model = StableDiffusion::load(model, &options)?;
    let changed = adapter.changed(&model.weights);
    Ok(Some((model, changed)))
}

/// Writes the adapter by itself as diffusers reads it, where one was trained and is wanted, with the model's `section` on a card of its own.
///
/// # Errors
/// As [`appear`].
pub(super) fn save_adapter(
    sd: &StableDiffusion,
    adapter: Option<&Lora>,
    section: &CardSection,
    out: Option<&Path>,
) -> Result<Vec<Event>> {
    let (Some(adapter), Some(out)) = (adapter, out) else { return Ok(Vec::new()) };
    let body = format!(
        "This is an adapter (LoRA) by itself, to be loaded over the model named below; what is said of a changed model is meant of both together.\n\n{}",
        section.body
    );
    let section = CardSection { title: section.title.clone(), body };
    let write = |to: &Path| Ok(adapter.write_diffusers(to, &sd.weights, Some(&section))?);
    Ok(vec![Event::Saved(appear(out, write)?)])
}

/// The folder above a result cannot be made, or nothing can be written in it.
fn unwritable(folder: &Path, source: std::io::Error) -> Error {
    Error::Input {
        file: format!("`{}`", folder.display()),
        thing: format!("the result cannot be written there: {source}"),
        remedy: "write to another place, or make this a folder that can be written in".to_owned(),
    }
}

/// Checks that the folder which a finished run wrote is still there as it was.
///
/// # Errors
/// When it is gone or different.
pub(super) fn check(out: &Path, journal: &Journal) -> Result<()> {
    let known = journal.evidence().saved(&name_of(out)).map(|saved| saved.digest);
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

#[cfg(test)]
mod tests {
    use oubliette_model::store::NewFolder;

    use super::*;

    #[test]
    fn what_could_not_appear_is_refused_before() {
        let place = tempfile::tempdir().unwrap();
        let run = RunFolder::at(place.path().join("run"));
        fs::write(place.path().join("file"), "mine").unwrap();
        let inside = place.path().join("file/deep/out");
        for refused in [check_free(&inside, false), would_be_free(&inside, &run, 1)] {
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains("write to another place"), "{refused}");
        }
        let there = place.path().join("file");
        for refused in [check_free(&there, false), would_be_free(&there, &run, 1)] {
            assert!(matches!(refused, Err(Error::Taken { .. })), "{refused:?}");
        }
        let free = place.path().join("new/out");
        would_be_free(&free, &run, 1).unwrap();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "nothing was made");
        check_free(&free, false).unwrap();
        assert_eq!(fs::read_dir(place.path().join("new")).unwrap().count(), 0, "no lock is left");
    }

    fn write(to: &Path, text: &str) -> Result<()> {
        let new = NewFolder::create(to)?;
        new.write(Path::new("part/file"), text.as_bytes())?;
        Ok(new.finish()?)
    }

    #[test]
    fn a_folder_appears_once_and_is_in_its_own_way_only() {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("out");
        let first = appear(&out, |to| {
            assert_eq!(to, out, "it is made where it belongs, not moved there");
            write(to, "a")
        })
        .unwrap();
        assert_eq!(first.name, "out");
        assert_eq!(first.digest, Digest::of_folder(&out).unwrap());
        assert_eq!(appear(&out, |to| write(to, "a")).unwrap(), first);
        let refused = appear(&out, |to| write(to, "b")).unwrap_err();
        assert!(matches!(refused, Error::Taken { .. }), "{refused}");
        assert_eq!(fs::read_to_string(out.join("part/file")).unwrap(), "a");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "nothing else is left");
    }
}
