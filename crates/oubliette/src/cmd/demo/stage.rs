//! The demo's folder: embedded models, concept and recipes, and pictures that are drawn there.
use crate::embedded;
use crate::failure::Failure;
use oubliette_canvas::folder::{self, Row};
use oubliette_canvas::{KeptBack, SIDE, Selection, sample};
use oubliette_model::store::NewFolder;
use std::path::Path;

/// What is to be forgotten.
pub(super) const CONCEPT: &str = "cat";
/// What the update does not show: animals.
const ANIMALS: [&str; 4] = ["cat", "fish", "rabbit", "snail"];
/// Pictures of the update.
const SHOWN: usize = 200;
/// Pictures on which the judge's error is measured.
const CALIBRATION: usize = 480;

/// Sets the stage in `out`; what is there already is left as it is.
///
/// # Errors
/// Something cannot be written.
pub(super) fn set(out: &Path) -> Result<(), Failure> {
    embedded::unpack(out)?;
    let without = ANIMALS.map(str::to_owned).to_vec();
    draw(&out.join("data/update"), 5, SHOWN, &Selection { without, ..Selection::default() })?;
    let unseen = Selection { kept_back: KeptBack::Only, ..Selection::default() };
    draw(&out.join("data/calibration"), 6, CALIBRATION, &unseen)
}

fn draw(to: &Path, seed: u64, count: usize, what: &Selection) -> Result<(), Failure> {
    if to.is_dir() {
        return Ok(());
    }
    let rows = sample(seed, count, what)
        .into_iter()
        .map(|one| Row { picture: one.scene.draw(SIDE), caption: one.caption });
    let new = NewFolder::create(to)?;
    folder::write(&new.place(Path::new(""))?, rows)?;
    Ok(new.finish()?)
}
