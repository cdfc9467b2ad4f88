//! Captions from `metadata.csv`, `metadata.jsonl` or text files beside the pictures.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use serde_json::Value;

use super::Example;
use crate::error::{Error, Result};
use crate::store::{parse_object, read_capped};

/// The longest list of captions that is read.
const MAX_LIST_BYTES: u64 = 512 << 20;
/// The longest caption, in bytes.
const MAX_CAPTION: usize = 16 << 10;
/// Endings of pictures, in small letters.
const PICTURES: [&str; 4] = ["png", "jpg", "jpeg", "webp"];

pub(super) fn from_csv(root: &Path, list: &Path) -> Result<Vec<Example>> {
    let text = read_text(list, MAX_LIST_BYTES)?;
    let rows = rows(list, &text)?;
    let mut rows = rows.into_iter();
    let (_, header) = rows.next().unwrap_or_default();
    let column = |name: &str| {
        let remedy = "name the columns file_name and text in the first line";
        let mut places = header.iter().enumerate().filter(|(_, cell)| cell.trim() == name);
        match (places.next(), places.next()) {
            (Some((place, _)), None) => Ok(place),
            (None, _) => Err(Error::file(list, format!("line 1: has no column `{name}`"), remedy)),
            (Some(_), Some(_)) => {
                Err(Error::file(list, format!("line 1: has the column `{name}` twice"), remedy))
            }
        }
    };
    let (file, caption) = (column("file_name")?, column("text")?);
    let mut examples = Examples::new(root, list);
    for (line, cells) in rows {
        if cells.len() != header.len() {
            let why =
                format!("line {line}: has {} cells, the first line {}", cells.len(), header.len());
            return Err(Error::file(list, why, "put captions with commas into double quotes"));
        }
        examples.add(line, &cells[file], &cells[caption])?;
    }
    Ok(examples.all)
}

pub(super) fn from_jsonl(root: &Path, list: &Path) -> Result<Vec<Example>> {
    let text = read_text(list, MAX_LIST_BYTES)?;
    let mut examples = Examples::new(root, list);
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let number = at + 1;
        let map = parse_object(list, line.as_bytes()).map_err(|error| match error {
            Error::File { path, why, remedy } => {
                Error::File { path, why: format!("line {number}: {why}"), remedy }
            }
            other => other,
        })?;
        let text = |key: &str| {
            let why = format!("line {number}: has no text under the key `{key}`");
            let missing = || Error::file(list, why, "give each line a file_name and a text");
            map.get(key).and_then(Value::as_str).ok_or_else(missing)
        };
        examples.add(number, text("file_name")?, text("text")?)?;
    }
    Ok(examples.all)
}

/// One text file for every picture of the folder itself.
pub(super) fn beside(root: &Path, folder: &Path) -> Result<Vec<Example>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root).map_err(Error::read(folder))? {
        let entry = entry.map_err(Error::read(folder))?;
        let name = entry.file_name().into_string();
        let name = name
            .map_err(|_| Error::file(&entry.path(), "has a name that is not UTF-8", "rename it"))?;
        let ending =
            Path::new(&name).extension().and_then(|ending| ending.to_str()).map(str::to_lowercase);
        if ending.is_some_and(|ending| PICTURES.contains(&ending.as_str())) {
            names.push(name);
        }
    }
    names.sort();
    let mut examples = Examples::new(root, folder);
    for name in names {
        let caption = root.join(&name).with_extension("txt");
        if !caption.is_file() {
            let why = format!("is missing: the picture `{name}` has no caption");
            return Err(Error::file(
                &caption,
                why,
                "write one, or list all captions in `metadata.csv`",
            ));
        }
        let text = read_text(&caption, MAX_CAPTION as u64)?;
        examples.add(1, &name, &text)?;
    }
    Ok(examples.all)
}

/// Collects pictures that passed every check.
struct Examples<'a> {
    root: &'a Path,
    list: &'a Path,
    seen: BTreeSet<String>,
    all: Vec<Example>,
}

impl<'a> Examples<'a> {
    fn new(root: &'a Path, list: &'a Path) -> Self {
        Self { root, list, seen: BTreeSet::new(), all: Vec::new() }
    }

    fn add(&mut self, line: usize, name: &str, caption: &str) -> Result<()> {
        let refuse = |why: String, remedy: &str| {
            Error::file(self.list, format!("line {line}: {why}"), remedy)
        };
        let parts: Vec<_> = Path::new(name).components().collect();
        let plain = !name.contains(['\\', ':', '\0'])
            && parts.iter().all(|part| matches!(part, Component::Normal(_)));
        if !plain || parts.is_empty() {
            return Err(refuse(
                format!("names `{name:.100}`"),
                "name a picture inside the folder, without `..`",
            ));
        }
        let caption = caption.trim();
        if caption.is_empty() || caption.len() > MAX_CAPTION {
            let why = if caption.is_empty() { "is empty" } else { "is longer than 16 KiB" };
            return Err(refuse(
                format!("the caption of `{name:.100}` {why}"),
                "say in a few words what the picture shows",
            ));
        }
        if !self.seen.insert(name.to_owned()) {
            return Err(refuse(
                format!("names `{name:.100}` twice"),
                "give each picture one caption",
            ));
        }
        let path = self.root.join(name);
        let real = path.canonicalize().map_err(|source| {
            refuse(format!("`{name:.100}`: {source}"), "put the picture there")
        })?;
        if !real.starts_with(self.root) {
            return Err(refuse(
                format!("`{name:.100}` leads out of the folder"),
                "put the picture itself there",
            ));
        }
        if !real.is_file() {
            return Err(refuse(format!("`{name:.100}` is no file"), "name a picture"));
        }
        self.all.push(Example { name: name.to_owned(), path: real, caption: caption.to_owned() });
        Ok(())
    }
}

fn read_text(path: &Path, cap: u64) -> Result<String> {
    let bytes = read_capped(path, cap)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let line =
            error.as_bytes()[..error.utf8_error().valid_up_to()].split(|b| *b == b'\n').count();
        Error::file(path, format!("line {line}: is not UTF-8"), "save the file as UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Rows of comma-separated values (RFC 4180) with the line each begins in; empty lines are left out.
fn rows(path: &Path, text: &str) -> Result<Vec<(usize, Vec<String>)>> {
    let refuse = |line: usize, why: &str| {
        Error::file(
            path,
            format!("line {line}: {why}"),
            "double the quotes inside a quoted cell and close it",
        )
    };
    let (mut rows, mut line, mut chars) = (Vec::new(), 1, text.chars().peekable());
    while chars.peek().is_some() {
        let (start, mut cells, mut cell, mut quoted) = (line, Vec::new(), String::new(), false);
        loop {
            match chars.next() {
                Some('"') if quoted && chars.peek() == Some(&'"') => {
                    chars.next();
                    cell.push('"');
                }
                Some('"') if quoted => {
                    quoted = false;
                    if !matches!(chars.peek(), None | Some(',' | '\n' | '\r')) {
                        return Err(refuse(line, "has text after a closing quote"));
                    }
                }
                Some('"') if cell.is_empty() => quoted = true,
                Some('"') => {
                    return Err(refuse(line, "has a quote inside a cell that is not quoted"));
                }
                Some(',') if !quoted => cells.push(std::mem::take(&mut cell)),
                None if quoted => {
                    return Err(refuse(start, "has a quoted cell that is never closed"));
                }
                Some('\n') if !quoted => break,
                None => break,
                Some('\r') if !quoted && chars.peek() == Some(&'\n') => {}
                Some(c) => {
                    line += usize::from(c == '\n');
                    cell.push(c);
                }
            }
        }
        line += 1;
        cells.push(cell);
        if cells.iter().any(|cell| !cell.is_empty()) {
            rows.push((start, cells));
        }
    }
    Ok(rows)
}
