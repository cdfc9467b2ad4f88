//! What a comparison claims, noted before anything has come of its cells.
use super::{Kept, REFUSED, VERDICT, make};
use crate::failure::Failure;
use oubliette_evidence::folder::{read_text, write_whole};
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

    /// Whether what a recipe claims is what it claimed before any of its cells was there.
    pub(crate) fn were_claimed(&self, recipe: &CompareRecipe) -> bool {
        read_text(&self.beside(CLAIMS)).is_ok_and(|noted| noted == claims(recipe))
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
