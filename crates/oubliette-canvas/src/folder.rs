//! A folder of pictures with their captions, as image-text training tools read it.
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use image::RgbImage;

/// A picture and what is said about it.
#[derive(Clone, Debug)]
pub struct Row {
    /// The picture.
    pub picture: RgbImage,
    /// The words.
    pub caption: String,
}

/// Why a folder could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder or its list could not be written.
    #[error("`{}` could not be written; is the disk full or the folder read-only?", path.display())]
    Write {
        /// What was being written.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A picture could not be written.
    #[error("picture `{}` could not be written; is the disk full or the folder read-only?", path.display())]
    Picture {
        /// What was being written.
        path: PathBuf,
        /// What the encoder said.
        #[source]
        source: image::ImageError,
    },
}

/// Writes `00000.png`, `00001.png`, ... and `metadata.csv` (columns `file_name`, `text`) into `folder`, which is made
/// where it is missing. Pictures are flushed to the disk, and the list is written last.
pub fn write(folder: &Path, rows: impl IntoIterator<Item = Row>) -> Result<usize, Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Write { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let mut list = String::from("file_name,text\n");
    let mut written = 0;
    for row in rows {
        let name = format!("{written:05}.png");
        let path = folder.join(&name);
        let refused = |source| Error::Picture { path: path.clone(), source };
        row.picture.save(&path).map_err(refused)?;
        sync(&path).map_err(failed(&path))?;
        list.push_str(&format!("{name},{}\n", quoted(&row.caption)));
        written += 1;
    }
    let path = folder.join("metadata.csv");
    let mut file = File::create(&path).map_err(failed(&path))?;
    file.write_all(list.as_bytes()).and_then(|()| file.sync_all()).map_err(failed(&path))?;
    Ok(written)
}

fn sync(file: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).open(file)?.sync_all()
}

/// The text as a field of a CSV file.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
