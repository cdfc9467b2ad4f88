//! SHA-256 digests of bytes, values, files and folders.

mod walk;

pub use walk::fence;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Error, Result, canonical};

/// A SHA-256 digest; its text is 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^[0-9a-f]{64}$"))]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of a value's canonical JSON.
    pub fn of_value<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        Ok(Self::of(canonical::to_text(value)?.as_bytes()))
    }

    /// The digest of everything that can be read from `source`.
    pub fn of_reader(mut source: impl Read) -> std::io::Result<Self> {
        let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
        loop {
            match source.read(&mut buffer)? {
                0 => return Ok(Self(hasher.finalize().into())),
                n => hasher.update(buffer.get(..n).unwrap_or_default()),
            }
        }
    }

    /// The digest of a plain file.
    pub fn of_file(file: &Path) -> Result<Self> {
        Self::of_reader(crate::plain::open(file)?).map_err(|e| Error::io(file, e))
    }

    /// The digest of a folder: that of the canonical JSON object from relative path (with `/`) to
    /// the digest of that file. Names that begin with a dot are left out. Links are followed within the folder, or within the
    /// Hugging Face cache that it is part of.
    ///
    /// # Errors
    /// A file cannot be read; a link leads out or goes round; there are absurdly many files.
    pub fn of_folder(folder: &Path) -> Result<Self> {
        Self::of_value(&files_of(folder)?)
    }

    /// The digest as 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 16 hexadecimal digits: the name of a run's folder.
    pub fn short(&self) -> String {
        self.to_string().chars().take(16).collect()
    }
}

/// Relative path (with `/`) to digest, for every file below `folder`.
///
/// # Errors
/// As [`Digest::of_folder`].
pub fn files_of(folder: &Path) -> Result<BTreeMap<String, Digest>> {
    Ok(walk::Walk::through(folder)?.files)
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl FromStr for Digest {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let bad = || Error::Number { value: text.to_owned(), wanted: "64 lower-case hex digits" };
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(|d| matches!(d, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(bad());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| bad())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| bad())?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_digest_is_the_known_one() {
        let known = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").to_string(), known);
        assert_eq!(known.parse::<Digest>().unwrap(), Digest::of(b""));
        assert_eq!(Digest::of(b"").short(), "e3b0c44298fc1c14");
        assert_eq!(Digest::of_reader(&b"abc"[..]).unwrap(), Digest::of(b"abc"));
    }

    #[test]
    fn other_spellings_are_refused() {
        for bad in ["", "e3", &"E".repeat(64), &"g".repeat(64), &"é".repeat(32)] {
            assert!(bad.parse::<Digest>().is_err());
        }
    }
}
