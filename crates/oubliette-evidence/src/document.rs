//! A TOML file and where things stand in it, so that every message can point at a line.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};

use crate::{Error, Result, plain};

/// Longest TOML file that is read, in bytes.
pub const MAX_BYTES: u64 = 1 << 20;

/// The text of a TOML file with the name it was asked for by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    file: PathBuf,
    text: String,
    /// The file that it was made of and what it is there, where it is no file itself.
    made: Option<(PathBuf, String)>,
}

impl Document {
    /// Reads a file of at most [`MAX_BYTES`] bytes of UTF-8.
    pub fn read(file: &Path) -> Result<Self> {
        let bytes = plain::read(file, MAX_BYTES, "is this the right file?")?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Error::file(file, "not UTF-8", "save the file as UTF-8 text"))?;
        Ok(Self::new(file, text))
    }

    /// A document from memory; `file` is what messages call it.
    pub fn new(file: &Path, text: impl Into<String>) -> Self {
        let text: String = text.into();
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        Self { file: file.to_owned(), text, made: None }
    }

    /// A document `file` beside this one that is no file: it was made of this one. Messages name this file, and what the document is in it.
    pub fn made(&self, file: &str, what: impl Into<String>, text: impl Into<String>) -> Self {
        let made = Some((self.file.clone(), what.into()));
        Self { file: self.beside(Path::new(file)), text: text.into(), made }
    }

    /// The file's name.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The text as read, without a byte order mark.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A path of the document, relative to the folder that holds it.
    pub fn beside(&self, path: &Path) -> PathBuf {
        self.file.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
    }

    /// Reads the document as a `T`; messages carry line and column.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        self.check_schema()?;
        self.piece()
    }

    /// Reads a document that has no schema, since it is a piece of another one; messages carry line and column.
    pub fn piece<T: DeserializeOwned>(&self) -> Result<T> {
        toml::from_str(&self.text).map_err(|e| {
            let thing = e.message().trim().replace('\n', " ");
            let remedy = match thing.starts_with("unknown field") {
                true => "correct the spelling or remove the key",
                false => "correct this line",
            };
            self.at(e.span().unwrap_or_default(), thing, remedy)
        })
    }

    /// A refusal that points at the value under `key` (`claim.returned`, `attack.1.steps`), or at
    /// the nearest table above it that the document has.
    pub fn error(&self, key: &str, thing: impl Into<String>, remedy: impl Into<String>) -> Error {
        match &self.made {
            None => self.at(self.locate(key), thing, remedy),
            // Without lines, the key says where.
            Some(_) => self.at(0..0, format!("`{key}`: {}", thing.into()), remedy),
        }
    }

    fn check_schema(&self) -> Result<()> {
        let Ok(table) = DeTable::parse(&self.text) else { return Ok(()) };
        let Some(schema) = table.get_ref().get("schema") else {
            return Err(self.at(0..0, "`schema` is missing", "begin the file with `schema = 1`"));
        };
        match schema.get_ref().as_integer().is_some_and(|n| n.as_str() == "1") {
            true => Ok(()),
            false => {
                let remedy = "write `schema = 1`, or use the version of the tool it was made for";
                Err(self.at(schema.span(), "this tool reads schema 1 only", remedy))
            }
        }
    }

    fn locate(&self, key: &str) -> Range<usize> {
        let Ok(table) = DeTable::parse(&self.text) else { return 0..0 };
        let mut span = 0..0;
        let mut at = &DeValue::Table(table.into_inner());
        for part in key.split('.') {
            let next = match at {
                DeValue::Table(table) => table.get(part),
                DeValue::Array(items) => part.parse().ok().and_then(|i: usize| items.get(i)),
                _ => None,
            };
            let Some(next) = next else { break };
            (span, at) = (next.span(), next.get_ref());
        }
        span
    }

    fn at(&self, span: Range<usize>, thing: impl Into<String>, remedy: impl Into<String>) -> Error {
        if let Some((file, what)) = &self.made {
            return Error::file(file, format!("{what}: {}", thing.into()), remedy);
        }
        let before = self.text.get(..span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Error::Recipe {
            file: self.file.clone(),
            line,
            column,
            thing: thing.into(),
            remedy: remedy.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_points_at_the_line() {
        let text = "schema = 1\n[[attack]]\nname = \"a\"\n[[attack]]\nname = \"b\"\nsteps = 3\n";
        let document = Document::new(Path::new("r.toml"), text);
        let place = |key| document.error(key, "bad", "mend it").to_string();
        assert_eq!(place("attack.1.steps"), "r.toml:6:9: bad; mend it");
        assert_eq!(place("attack.1.missing"), "r.toml:4:1: bad; mend it");
    }

    #[test]
    fn the_schema_comes_first() {
        let parse = |text: &str| {
            Document::new(Path::new("r.toml"), text)
                .parse::<toml::Table>()
                .map_err(|e| e.to_string())
        };
        assert!(parse("schema = 1").is_ok());
        assert!(
            parse("schema = 2").unwrap_err().starts_with("r.toml:1:10: this tool reads schema 1")
        );
        assert!(parse("a = 1").unwrap_err().contains("`schema` is missing"));
        assert!(
            parse("schema = 1\nschema = 1").unwrap_err().starts_with("r.toml:2:1: duplicate key")
        );
        let piece = Document::new(Path::new("p.toml"), "a = 1");
        assert!(piece.piece::<toml::Table>().is_ok());
    }

    #[test]
    fn what_was_made_of_a_file_has_no_lines_of_its_own() {
        let whole = Document::new(Path::new("a/r.toml"), "schema = 1\n");
        let made = whole.made("x.toml", "cell `x`", "schema = 1\n\nsteps = 3\n");
        assert_eq!(made.file(), Path::new("a/x.toml"));
        assert_eq!(
            made.error("steps", "bad", "mend it").to_string(),
            "a/r.toml: cell `x`: `steps`: bad; mend it"
        );
        assert_eq!(made.beside(Path::new("b")), Path::new("a/b"));
    }
}
