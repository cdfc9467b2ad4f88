//! Recipe to plan: every default, seed and digest filled in, every prompt listed, everything wrong refused.

mod audit;
mod keep;
mod tables;
mod unlearn;
mod update;

pub use audit::{ResolvedAudit, audit};
pub use unlearn::{ResolvedUnlearn, Turn, held_back_scenes, places, unlearn};
pub use update::{ResolvedUpdate, update};

use std::path::{Path, PathBuf};

use oubliette_evidence::{
    Digest,
    document::Document,
    plan::{Model, Source},
};

use crate::{Error, Result};

/// The recipe by name and content.
fn source(document: &Document) -> Source {
    let name = document
        .file()
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Source { name, digest: Digest::of(document.text().as_bytes()) }
}

/// The folder of the recipe, which its paths start from.
fn base(document: &Document) -> PathBuf {
    document.file().parent().unwrap_or(Path::new("")).to_owned()
}

/// A folder by name and content.
fn folder(path: &Path) -> Result<Model> {
    if !path.is_dir() {
        return Err(Error::Input {
            file: format!("`{}`", path.display()),
            thing: "is no folder".to_owned(),
            remedy: "correct the path; it starts at the folder of the recipe".to_owned(),
        });
    }
    let name =
        path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Ok(Model { name, digest: Digest::of_folder(path)? })
}
