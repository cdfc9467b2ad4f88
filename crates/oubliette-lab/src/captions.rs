//! A folder of pictures with captions, as Hugging Face's imagefolder lays it out, read with every byte distrusted.

use std::{
    collections::BTreeSet,
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
/// When there is no caption, or two lists of them; a line is malformed; a picture is named twice, is no plain file, or lies or leads out of the folder.
pub fn read(folder: &Path) -> Result<Vec<Captioned>> {
    read_at_most(folder, MOST_PICTURES)
}

fn read_at_most(folder: &Path, most: usize) -> Result<Vec<Captioned>> {
    let mut set = Set::of(folder, most)?;
    let folder = inner(folder);
    let (jsonl, csv) = (folder.join("metadata.jsonl"), folder.join("metadata.csv"));
    match (jsonl.exists(), csv.exists()) {
        (true, true) => {
            let thing = "holds both `metadata.jsonl` and `metadata.csv`".to_owned();
            return Err(refuse(&folder, thing, "keep the one that is right"));
        }
        (true, false) => set.add_jsonl(&jsonl)?,
        (false, true) => set.add_csv(&csv)?,
        (false, false) => set.add_texts(&folder)?,
    }
    if set.all.is_empty() {
        return Err(refuse(&folder, "holds no captioned picture".to_owned(), LAYOUT));
    }
    set.all.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(set.all)
}

/// How many pictures of a folder have no caption in its `set`, so that nothing is done with them.
///
/// # Errors
/// When the folder cannot be read.
pub fn left_out(folder: &Path, set: &[Captioned]) -> Result<usize> {
    let captioned: BTreeSet<&Path> = set.iter().map(|one| one.path.as_path()).collect();
    let all = listed(&inner(folder), MOST_PICTURES)?;
    Ok(all.iter().filter(|path| !captioned.contains(path.as_path())).count())
}

/// All pictures of a folder, captions or not; sorted by path.
///
/// # Errors
/// When the folder cannot be read, holds none or too many, or one is no plain file or leads out of the folder.
pub fn pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    let (all, fence) = (listed(folder, MOST_PICTURES)?, fence(folder)?);
    if all.is_empty() {
        let remedy = "name a folder with pictures in it";
        return Err(refuse(folder, "holds no picture".to_owned(), remedy));
    }
    for path in &all {
        if let Some((wrong, remedy)) = misplaced(path, &fence) {
            return Err(refuse(path, wrong.to_owned(), remedy));
        }
    }
    Ok(all)
}

/// The content of a whole set: the canonical list of pairs of a picture's digest and its caption, in order; independent of where the folder lies.
/// Every picture is opened, so that a broken one is met here and not in the middle of a training.
///
/// # Errors
/// When a picture cannot be read.
pub fn digest(all: &[Captioned]) -> Result<Digest> {
    let mut pairs = Vec::with_capacity(all.len());
    for one in all {
        open(one)?;
        pairs.push((Digest::of_file(&one.path)?, &one.caption));
    }
    Ok(Digest::of_value(&pairs)?)
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

/// What in a folder is called a picture; sorted.
fn listed(folder: &Path, most: usize) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && picture::is_picture(&path) && !path.is_dir() {
            check_room(folder, all.len(), most)?;
            all.push(path);
        }
    }
    all.sort();
    Ok(all)
}

/// Refuses one picture more where `count` are there.
fn check_room(file: &Path, count: usize, most: usize) -> Result<()> {
    match count < most {
        true => Ok(()),
        false => Err(refuse(file, format!("has more than {most} pictures"), "split the set")),
    }
}

/// What no link of a folder may lead out of.
fn fence(folder: &Path) -> Result<PathBuf> {
    Ok(oubliette_evidence::digest::fence(
        &folder.canonicalize().map_err(Error::io("read", folder))?,
    ))
}

/// What is wrong with a picture's place, and what to do; nothing where a plain file lies behind the fence.
fn misplaced(path: &Path, fence: &Path) -> Option<(&'static str, &'static str)> {
    match path.canonicalize() {
        Err(_) => Some(("is not there", "add the picture or remove its name")),
        Ok(real) if !real.starts_with(fence) => {
            Some(("leads out of the folder", "put the picture itself there"))
        }
        Ok(real) if !real.is_file() => Some(("is no plain file", "put the picture itself there")),
        Ok(_) => None,
    }
}

/// Captioned pictures that passed every check, and what is checked of all of them together.
struct Set {
    fence: PathBuf,
    most: usize,
    named: BTreeSet<PathBuf>,
    all: Vec<Captioned>,
}

impl Set {
    fn of(folder: &Path, most: usize) -> Result<Self> {
        Ok(Self { fence: fence(folder)?, most, named: BTreeSet::new(), all: Vec::new() })
    }

    fn add_jsonl(&mut self, path: &Path) -> Result<()> {
        let text = text_of(path)?;
        for (number, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
            let line: Line = serde_json::from_str(line).map_err(|error| {
                refuse(path, format!("line {} is malformed: {error}", number + 1), LAYOUT)
            })?;
            self.add(path, number + 1, Path::new(&line.file_name), line.text)?;
        }
        Ok(())
    }

    fn add_csv(&mut self, path: &Path) -> Result<()> {
        let text = text_of(path)?;
        let mut rows = csv::Reader::from_reader(text.as_bytes());
        for (number, row) in rows.deserialize::<Line>().enumerate() {
            let row = row.map_err(|error| {
                refuse(path, format!("row {} is malformed: {error}", number + 1), LAYOUT)
            })?;
            self.add(path, number + 1, Path::new(&row.file_name), row.text)?;
        }
        Ok(())
    }

    fn add_texts(&mut self, folder: &Path) -> Result<()> {
        for path in listed(folder, self.most)? {
            let (caption, name) = (path.with_extension("txt"), path.file_name());
            if !caption.exists() {
                return Err(refuse(&path, "has no caption".to_owned(), LAYOUT));
            }
            let text = text_of(&caption)?.trim().to_owned();
            self.add(&caption, 1, Path::new(name.unwrap_or_default()), text)?;
        }
        Ok(())
    }

    /// Adds what line `number` of `file` says, unless something about it is wrong.
    fn add(&mut self, file: &Path, number: usize, name: &Path, caption: String) -> Result<()> {
        check_room(file, self.all.len(), self.most)?;
        if caption.len() > LONGEST_CAPTION {
            let thing = format!("line {number} has a caption of {} bytes", caption.len());
            return Err(refuse(file, thing, "shorten it; a text encoder reads 77 tokens"));
        }
        if caption.trim().is_empty() {
            let thing = format!("line {number} has an empty caption, for `{}`", name.display());
            return Err(refuse(file, thing, "say what the picture shows, or leave it out"));
        }
        let inside = name.components().all(|part| matches!(part, Component::Normal(_)));
        if name.as_os_str().is_empty() || !inside {
            let thing =
                format!("line {number} names `{}`, which leads out of the folder", name.display());
            return Err(refuse(file, thing, "name files inside the folder"));
        }
        let path = file.parent().unwrap_or(Path::new("")).join(name);
        if let Some((wrong, remedy)) = misplaced(&path, &self.fence) {
            let thing = format!("line {number} names `{}`, which {wrong}", name.display());
            return Err(refuse(file, thing, remedy));
        }
        if !self.named.insert(name.to_owned()) {
            let thing = format!("line {number} names `{}` a second time", name.display());
            return Err(refuse(file, thing, "give each picture one caption"));
        }
        self.all.push(Captioned { path, caption });
        Ok(())
    }
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

    /// A folder of two pictures and of what else is given.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, side) in [("a.png", 2), ("b.png", 3)] {
            RgbImage::new(side, side).save(folder.path().join(name)).unwrap();
        }
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn refusal(files: &[(&str, &str)]) -> String {
        read(folder(files).path()).unwrap_err().to_string()
    }

    const JSONL: &str = "{\"file_name\": \"a.png\", \"text\": \"a dot\"}\n{\"file_name\": \"b.png\", \"text\": \"a line\"}\n";
    const CSV: &str = "file_name,text\nb.png,a line\na.png,a dot\n";
    const TEXTS: [(&str, &str); 2] = [("a.txt", "a dot\n"), ("b.txt", "a line")];

    #[test]
    fn three_layouts_of_one_set_have_one_digest() {
        let of = |files: &[(&str, &str)]| digest(&read(folder(files).path()).unwrap()).unwrap();
        let texts = of(&TEXTS);
        assert_eq!(of(&[("metadata.jsonl", JSONL)]), texts);
        assert_eq!(of(&[("metadata.csv", CSV)]), texts);
    }

    #[test]
    fn no_caption_stands_for_another_row() {
        let folder = folder(&[]);
        let one = |name: &str, caption: &str| Captioned {
            path: folder.path().join(name),
            caption: caption.to_owned(),
        };
        let second = Digest::of_file(&folder.path().join("b.png")).unwrap();
        let forged = [one("a.png", &format!("a dot\n{second} a line"))];
        let honest = [one("a.png", "a dot"), one("b.png", "a line")];
        assert_ne!(digest(&forged).unwrap(), digest(&honest).unwrap());
    }

    #[test]
    fn one_picture_too_many_is_refused_in_every_layout() {
        for files in [&TEXTS[..], &[("metadata.jsonl", JSONL)], &[("metadata.csv", CSV)]] {
            let folder = folder(files);
            assert_eq!(read_at_most(folder.path(), 2).unwrap().len(), 2);
            let message = read_at_most(folder.path(), 1).unwrap_err().to_string();
            assert!(message.contains("more than 1 pictures"), "{message}");
        }
        assert!(listed(folder(&[]).path(), 1).is_err());
    }

    #[test]
    fn what_a_system_hides_beside_a_picture_is_none() {
        let mut files = TEXTS.to_vec();
        files.push(("._a.png", "not a picture"));
        assert_eq!(read(folder(&files).path()).unwrap().len(), 2);
    }

    #[test]
    fn what_is_said_twice_or_not_at_all_is_refused() {
        let twice = JSONL.replace("b.png", "a.png");
        assert!(
            refusal(&[("metadata.jsonl", twice.as_str())])
                .contains("line 2 names `a.png` a second")
        );
        assert!(refusal(&[("metadata.jsonl", JSONL), ("metadata.csv", CSV)]).contains("both"));
        assert!(refusal(&TEXTS[..1]).contains("b.png"));
    }

    #[test]
    fn an_empty_caption_is_refused_and_pictures_without_one_are_counted() {
        let one = "{\"file_name\": \"a.png\", \"text\": \"a dot\"}\n";
        let folder = folder(&[("metadata.jsonl", one)]);
        let set = read(folder.path()).unwrap();
        assert_eq!((set.len(), left_out(folder.path(), &set).unwrap()), (1, 1));
        let empty = JSONL.replace("a line", " ");
        let said = refusal(&[("metadata.jsonl", empty.as_str())]);
        assert!(said.contains("line 2 has an empty caption") && said.contains("b.png"), "{said}");
        let texts = [TEXTS[0], ("b.txt", "\n")];
        assert!(refusal(&texts).contains("empty caption"));
    }

    #[cfg(unix)]
    #[test]
    fn links_may_lead_within_the_folder_only_and_pipes_are_no_pictures() {
        use std::os::unix::{fs::symlink, net::UnixListener};
        let (outside, texts) = (folder(&[]), [TEXTS[0], TEXTS[1], ("c.txt", "a hole")]);
        type Harm = (fn(&Path, &Path), &'static str);
        let harms: [Harm; 3] = [
            (|c, outside| symlink(outside.join("a.png"), c).unwrap(), "leads out of the folder"),
            (|c, _| drop(UnixListener::bind(c).unwrap()), "is no plain file"),
            (|c, _| symlink("nowhere.png", c).unwrap(), "is not there"),
        ];
        for (harm, says) in harms {
            let folder = folder(&texts);
            harm(&folder.path().join("c.png"), outside.path());
            for message in [
                read(folder.path()).unwrap_err().to_string(),
                pictures(folder.path()).unwrap_err().to_string(),
            ] {
                assert!(message.contains(says), "{message}");
            }
        }
        let within = folder(&texts);
        symlink("a.png", within.path().join("c.png")).unwrap();
        assert_eq!(read(within.path()).unwrap().len(), 3);
        assert_eq!(pictures(within.path()).unwrap().len(), 3);
    }

    #[cfg(unix)]
    #[test]
    fn a_snapshot_in_a_cache_may_lead_to_its_blobs() {
        let (cache, blobs) = (tempfile::tempdir().unwrap(), "datasets--us--dots/blobs");
        let snapshot = cache.path().join("datasets--us--dots/snapshots/1/train");
        fs::create_dir_all(&snapshot).unwrap();
        fs::create_dir_all(cache.path().join(blobs)).unwrap();
        RgbImage::new(2, 2).save(cache.path().join(blobs).join("a.png")).unwrap();
        std::os::unix::fs::symlink("../../../blobs/a.png", snapshot.join("a.png")).unwrap();
        fs::write(snapshot.join("a.txt"), "a dot").unwrap();
        assert_eq!(read(&snapshot).unwrap().len(), 1);
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
