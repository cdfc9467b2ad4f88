//! Where a report takes its pictures from.

use std::path::{Path, PathBuf};

use base64::Engine as _;

use super::shrink::shrink;
use crate::{Digest, Error, Result};

/// Largest picture that is read, in bytes.
const MAX_BYTES: u64 = 64 << 20;
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A source of pictures by their digest.
pub trait Pictures {
    /// The bytes of a PNG file; none when the source has no such picture.
    fn png(&self, digest: &Digest) -> Result<Option<Vec<u8>>>;
}

/// A source without pictures.
#[derive(Debug, Clone, Copy)]
pub struct NoPictures;

impl Pictures for NoPictures {
    fn png(&self, _: &Digest) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }
}

/// The folder `samples` of a run: `<digest>.png`. What lies there is checked against its name.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The `samples` folder of a run folder.
    pub fn of_run(run: &Path) -> Self {
        Self(run.join("samples"))
    }

    /// Where a picture lies.
    pub fn place(&self, digest: &Digest) -> PathBuf {
        self.0.join(format!("{digest}.png"))
    }
}

impl Pictures for Folder {
    fn png(&self, digest: &Digest) -> Result<Option<Vec<u8>>> {
        let file = self.place(digest);
        match std::fs::metadata(&file) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            _ => {}
        }
        let bytes = crate::plain::read(&file, MAX_BYTES, "remove it")?;
        match Digest::of(&bytes) == *digest && bytes.starts_with(SIGNATURE) {
            true => Ok(Some(bytes)),
            false => Err(Error::file(&file, "not the picture of its name", "restore the file")),
        }
    }
}

/// A picture as an `img` element, or a place that says there is none. Small pictures keep their
/// pixels when they are enlarged.
pub(super) fn image(pictures: &dyn Pictures, digest: &Digest, alt: &str) -> Result<String> {
    let Some(bytes) = pictures.png(digest)? else {
        return Ok("<span class=\"none\">not kept</span>".into());
    };
    let bytes = shrink(bytes).map_err(|thing| {
        let thing = format!("picture {digest} cannot be shown: {thing}");
        Error::value(thing, "run the audit again")
    })?;
    let width = bytes.get(16..20).map_or(0, |w| w.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)));
    let class = if width < 128 { " class=\"small\"" } else { "" };
    let data = base64::engine::general_purpose::STANDARD.encode(&bytes);
    Ok(format!("<img{class} alt=\"{}\" src=\"data:image/png;base64,{data}\">", escape(alt)))
}

/// Text as HTML.
pub(super) fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}
