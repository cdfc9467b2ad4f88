//! Where the page of a comparison or a search is written, and how it points to what is kept.
use super::{Kept, make};
use crate::failure::Failure;
use oubliette_evidence::Error;
use oubliette_evidence::folder::write_whole;
use std::path::{Path, PathBuf};

impl Kept {
    /// The page.
    pub(crate) fn page(&self) -> PathBuf {
        self.page.clone()
    }

    /// Writes the page.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn write_page(&self, text: &str) -> Result<(), Failure> {
        make(&self.folder)?;
        make(self.page_folder())?;
        Ok(write_whole(&self.page, text.as_bytes())?)
    }

    fn page_folder(&self) -> &Path {
        let folder = self.page.parent().filter(|folder| *folder != Path::new(""));
        folder.unwrap_or(Path::new("."))
    }

    /// A file of the folder, seen from the page.
    ///
    /// # Errors
    /// The page's folder cannot be made.
    pub(super) fn link(&self, file: &str) -> Result<String, Failure> {
        make(self.page_folder())?;
        let whole = |folder: &Path| {
            folder.canonicalize().map_err(|source| Failure::from(Error::io(folder, source)))
        };
        let (from, to) = (whole(self.page_folder())?, whole(&self.folder)?);
        let way = pathdiff::diff_paths(to, from).unwrap_or_else(|| self.folder.clone());
        let link = way.join(file).to_string_lossy().into_owned();
        // What ends a link of Markdown.
        let ends =
            [("%", "%25"), (" ", "%20"), ("(", "%28"), (")", "%29"), ("<", "%3C"), (">", "%3E")];
        Ok(ends.iter().fold(link, |link, (from, to)| link.replace(from, to)))
    }
}
