//! The embedded model: a Stable Diffusion in miniature, its twin that never saw a cat, and their judges, as folders.
use crate::failure::Failure;
use include_dir::{Dir, File, include_dir};
use oubliette_evidence::folder::write_whole;
use std::fs;
use std::path::Path;

static ASSETS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../assets");

/// The model that is used where none is named.
const MODEL: &str = "models/canvas";
/// The twin holds only what is its own; the rest is the model's.
const TWIN: &str = "models/canvas-without-cat";
/// The file that is also the text half of the contrastive model, and where it lies there.
const TEXT: (&str, &str) = (
    "models/canvas/text_encoder/model.safetensors",
    "models/clip/model-00001-of-00002.safetensors",
);

/// Writes everything below `to`: models, concept and recipes; what several of them share, to each.
///
/// # Errors
/// A folder cannot be made, a file cannot be written, or another one lies in its place.
pub(crate) fn unpack(to: &Path) -> Result<(), Failure> {
    write(&ASSETS, &Some, to)?;
    let text = ASSETS.get_file(TEXT.0).expect("the file is compiled in");
    write_file(text, &to.join(TEXT.1))?;
    let shared = |file: &'static Path| {
        file.strip_prefix(MODEL).ok().filter(|file| !ASSETS.contains(Path::new(TWIN).join(file)))
    };
    write(own(MODEL), &shared, &to.join(TWIN))
}

/// Writes the embedded model alone as the folder `to`.
///
/// # Errors
/// As [`unpack`].
pub(crate) fn unpack_model(to: &Path) -> Result<(), Failure> {
    write(own(MODEL), &|file| file.strip_prefix(MODEL).ok(), to)
}

fn own(name: &str) -> &'static Dir<'static> {
    ASSETS.get_dir(name).expect("the folder is compiled in")
}

/// Writes the files to which `place` gives a place below `to`.
fn write(
    dir: &'static Dir<'static>,
    place: &dyn Fn(&'static Path) -> Option<&'static Path>,
    to: &Path,
) -> Result<(), Failure> {
    for folder in dir.dirs() {
        write(folder, place, to)?;
    }
    for file in dir.files() {
        if let Some(inside) = place(file.path()) {
            write_file(file, &to.join(inside))?;
        }
    }
    Ok(())
}

/// Writes one file. One that is there as it should be is left alone, and so is one that somebody changed.
fn write_file(file: &File<'_>, path: &Path) -> Result<(), Failure> {
    match fs::read(path) {
        Ok(there) if there == file.contents() => return Ok(()),
        Ok(_) => return Err(Failure::taken(path)),
        Err(_) => {}
    }
    let parent = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(parent).map_err(|source| Failure::unwritable(parent, &source))?;
    Ok(write_whole(path, file.contents())?)
}
