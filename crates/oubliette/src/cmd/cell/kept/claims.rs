//! What a comparison claims, noted before anything has come of its cells.
use super::{Kept, REFUSED, VERDICT, make};
use crate::failure::Failure;
use oubliette_evidence::folder::{read_text, write_whole};
use oubliette_evidence::hypotheses::When;
use oubliette_evidence::recipe::CompareRecipe;
use oubliette_evidence::{Digest, Error};
use std::fs;
use std::io::ErrorKind;

/// Digest of what was claimed before the first cell.
const CLAIMS: &str = "claims.sha256";

impl Kept {
    /// Notes what a recipe claims, where nothing has come of any cell yet, of this recipe or of what stood in its file before.
    ///
    /// # Errors
    /// The folder cannot be read, or the note cannot be written.
    pub(crate) fn note_claims(&self, recipe: &CompareRecipe) -> Result<(), Failure> {
        if self.is_begun()? {
            return Ok(());
        }
        make(&self.folder)?;
        Ok(write_whole(&self.beside(CLAIMS), claims(recipe).as_bytes())?)
    }

    /// Whether something has come of any cell.
    fn is_begun(&self) -> Result<bool, Failure> {
        let folder = self.beside("cells");
        let cells = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            cells => cells.map_err(|source| Error::io(&folder, source))?,
        };
        for cell in cells {
            let cell = cell.map_err(|source| Error::io(&folder, source))?.path();
            if [VERDICT, REFUSED].iter().any(|file| cell.join(file).exists()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// When a recipe claimed what it does: before any of its cells was there only where it was noted so.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn claimed(&self, recipe: &CompareRecipe) -> Result<When, Failure> {
        let noted = read_text(&self.beside(CLAIMS));
        Ok(match noted.is_ok_and(|noted| noted == claims(recipe)) {
            _ if !self.is_begun()? => When::Ahead,
            true => When::Before,
            false => When::After,
        })
    }
}

/// The digest of all hypotheses and trends, as a line.
// Of trends only where there are any, so that what was noted before there were trends still is what was claimed.
fn claims(recipe: &CompareRecipe) -> String {
    let json = if recipe.trend.is_empty() {
        serde_json::to_string(&recipe.hypothesis)
    } else {
        serde_json::to_string(&(&recipe.hypothesis, &recipe.trend))
    };
    let text = json.expect("plain texts and numbers");
    format!("{}\n", Digest::of(text.as_bytes()))
}
