//! A folder of pictures with captions, as Hugging Face's imagefolder lays it out, read with every byte distrusted.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use image::RgbImage;
use oubliette_evidence::{Digest, plain};
use serde::Deserialize;

use crate::{Error, Result, picture};

/// More pictures than this in one folder are refused: the list alone would fill the memory.
const MOST_PICTURES: usize = 1_000_000;
/// A captions file larger than this is refused.
const MOST_BYTES: u64 = 256 << 20;
/// A caption longer than this is refused: no tokenizer reads so far.
const LONGEST_CAPTION: usize = 4096;

/// One picture file and what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captioned {
    /// The picture.
    pub path: PathBuf,
    /// Its caption.
    pub caption: String,
}

#[derive(Deserialize)]
struct Line {
    file_name: String,
    #[serde(alias = "caption", alias = "prompt")]
    text: String,
}

/// Reads `metadata.jsonl`, `metadata.csv`, or a `.txt` beside every picture; sorted by path.
///
/// # Errors
/// When there is no caption, a line is malformed, or a name leads out of the folder.
pub fn read(folder: &Path) -> Result<Vec<Captioned>> {
    let folder = inner(folder);
    let (jsonl, csv) = (folder.join("metadata.jsonl"), folder.join("metadata.csv"));
    let mut all = if jsonl.exists() {
        from_jsonl(&jsonl)?
    } else if csv.exists() {
        from_csv(&csv)?
    } else {
        from_texts(&folder)?
    };
    if all.is_empty() {
        return Err(refuse(&folder, "holds no captioned picture".to_owned(), LAYOUT));
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(all)
}

/// All pictures of a folder, captions or not; sorted by path.
///
/// # Errors
/// When the folder cannot be read or holds none.
pub fn pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        if picture::is_picture(&path) && path.is_file() && all.len() < MOST_PICTURES {
            all.push(path);
        }
    }
    all.sort();
    match all.is_empty() {
        true => {
            Err(refuse(folder, "holds no picture".to_owned(), "name a folder with pictures in it"))
        }
        false => Ok(all),
    }
}

/// The content of a whole set: captions and picture bytes, in order; independent of where the folder lies.
/// Every picture is opened, so that a broken one is met here and not in the middle of a training.
///
/// # Errors
/// When a picture cannot be read.
pub fn digest(all: &[Captioned]) -> Result<Digest> {
    let mut text = String::new();
    for one in all {
        open(one)?;
        let bytes = fs::read(&one.path).map_err(Error::io("read", &one.path))?;
        text += &format!("{} {}\n", Digest::of(&bytes), one.caption);
    }
    Ok(Digest::of(text.as_bytes()))
}

/// Opens the picture; transparency becomes white.
///
/// # Errors
/// When the file is no picture.
pub fn open(one: &Captioned) -> Result<RgbImage> {
    picture::open(&one.path)
}

const LAYOUT: &str = "put a `metadata.jsonl` with lines {\"file_name\": ..., \"text\": ...} beside the pictures, \
                      or a `.txt` file beside each";

/// Datasets are given as their root or as the split inside it.
fn inner(folder: &Path) -> PathBuf {
    let train = folder.join("train");
    let has = |folder: &Path| {
        folder.join("metadata.jsonl").exists() || folder.join("metadata.csv").exists()
    };
    if !has(folder) && has(&train) { train } else { folder.to_owned() }
}

fn text_of(path: &Path) -> Result<String> {
    let bytes = plain::read(path, MOST_BYTES, "split the set into folders")?;
    String::from_utf8(bytes)
        .map_err(|_| refuse(path, "is not UTF-8".to_owned(), "save it as UTF-8"))
}

fn from_jsonl(path: &Path) -> Result<Vec<Captioned>> {
    let mut all = Vec::new();
    for (number, line) in text_of(path)?.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let line: Line = serde_json::from_str(line).map_err(|error| {
            refuse(path, format!("line {} is malformed: {error}", number + 1), LAYOUT)
        })?;
        all.push(checked(path, line, number + 1)?);
    }
    Ok(all)
}

fn from_csv(path: &Path) -> Result<Vec<Captioned>> {
    let text = text_of(path)?;
    let mut all = Vec::new();
    for (number, row) in csv::Reader::from_reader(text.as_bytes()).deserialize::<Line>().enumerate()
    {
        let row = row.map_err(|error| {
            refuse(path, format!("row {} is malformed: {error}", number + 1), LAYOUT)
        })?;
        all.push(checked(path, row, number + 1)?);
    }
    Ok(all)
}

fn from_texts(folder: &Path) -> Result<Vec<Captioned>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let caption = path.with_extension("txt");
        if picture::is_picture(&path) && caption.exists() {
            let text = text_of(&caption)?.trim().to_owned();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            all.push(checked(&path, Line { file_name: name.unwrap_or_default(), text }, 1)?);
        }
    }
    Ok(all)
}

fn checked(file: &Path, line: Line, number: usize) -> Result<Captioned> {
    let name = Path::new(&line.file_name);
    if number > MOST_PICTURES {
        return Err(refuse(
            file,
            format!("names more than {MOST_PICTURES} pictures"),
            "split the set",
        ));
    }
    if line.text.len() > LONGEST_CAPTION {
        let thing = format!("line {number} has a caption of {} bytes", line.text.len());
        return Err(refuse(file, thing, "shorten it; a text encoder reads 77 tokens"));
    }
    if name.as_os_str().is_empty()
        || !name.components().all(|part| matches!(part, Component::Normal(_)))
    {
        let thing =
            format!("line {number} names `{}`, which leads out of the folder", line.file_name);
        return Err(refuse(file, thing, "name files inside the folder"));
    }
    let path = file.parent().unwrap_or(Path::new("")).join(name);
    if !path.is_file() {
        let thing = format!("line {number} names `{}`, which is not there", line.file_name);
        return Err(refuse(file, thing, "add the picture or remove the line"));
    }
    Ok(Captioned { path, caption: line.text })
}

fn refuse(file: &Path, thing: String, remedy: &str) -> Error {
    Error::Input { file: format!("`{}`", file.display()), thing, remedy: remedy.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let metadata = folder.path().join("metadata.jsonl");
        for name in ["../a.png", "/etc/passwd", ""] {
            fs::write(&metadata, format!("{{\"file_name\": \"{name}\", \"text\": \"x\"}}\n"))
                .unwrap();
            let message = read(folder.path()).unwrap_err().to_string();
            assert!(message.contains("leads out of the folder"), "{message}");
        }
    }

    #[test]
    fn a_malformed_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("metadata.jsonl"), "\n{\"file_name\": 3}\n").unwrap();
        let message = read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("line 2"), "{message}");
    }

    #[test]
    fn texts_beside_pictures_are_captions() {
        let folder = tempfile::tempdir().unwrap();
        RgbImage::new(2, 2).save(folder.path().join("b.png")).unwrap();
        fs::write(folder.path().join("b.txt"), "a dot\n").unwrap();
        let all = read(folder.path()).unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].caption, "a dot");
        assert!(digest(&all).is_ok());
    }
}
