//! Pictures with captions from a folder: refused with file, line and remedy where they cannot be trained on.

mod captions;
mod latents;
mod pictures;

use std::path::{Path, PathBuf};

use image::RgbImage;
use sha2::{Digest, Sha256};

pub use latents::LatentCache;
pub use pictures::{MAX_SIDE, read_picture};

use crate::error::{Error, Result};

/// One picture of a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The name that the captions give it, relative to the folder.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// What it shows, in words.
    pub caption: String,
}

/// The pictures of a folder in the order of their names, each with a caption.
///
/// Captions come from `metadata.csv` or `metadata.jsonl` (`file_name`, `text`), as Hugging Face's image folders have
/// them, or from a file beside each picture (`lion.png`, `lion.txt`), as kohya's trainers have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFolder {
    examples: Vec<Example>,
}

/// More pictures than this are not held in one folder.
const MOST: usize = 1_000_000;

impl ImageFolder {
    /// Reads the captions and checks that every picture is there. Pictures are decoded later, one by one.
    ///
    /// # Errors
    /// When there are no captions, or two kinds of them; a caption is empty, missing, repeated, not UTF-8 or absurdly
    /// long; a picture is missing, or outside the folder.
    pub fn open(folder: &Path) -> Result<Self> {
        let root = folder.canonicalize().map_err(Error::read(folder))?;
        let (csv, jsonl) = (folder.join("metadata.csv"), folder.join("metadata.jsonl"));
        let mut examples = match (csv.exists(), jsonl.exists()) {
            (true, true) => {
                let why = "holds both `metadata.csv` and `metadata.jsonl`";
                return Err(Error::file(folder, why, "keep the one that is right"));
            }
            (true, false) => captions::from_csv(&root, &csv)?,
            (false, true) => captions::from_jsonl(&root, &jsonl)?,
            (false, false) => captions::beside(&root, folder)?,
        };
        examples.sort_by(|a, b| a.name.cmp(&b.name));
        let remedy = "list pictures with captions in `metadata.csv` (columns file_name and text)";
        if examples.is_empty() {
            return Err(Error::file(folder, "holds no picture with a caption", remedy));
        }
        if examples.len() > MOST {
            return Err(Error::file(folder, format!("holds over {MOST} pictures"), "split it"));
        }
        Ok(Self { examples })
    }

    /// The pictures in the order of their names.
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.examples.len()
    }

    /// Never: an empty folder is refused.
    pub fn is_empty(&self) -> bool {
        self.examples.is_empty()
    }

    /// Picture `at`, cut to the middle and scaled to `height` and `width`.
    ///
    /// # Errors
    /// When it is broken, gigantic or no picture.
    pub fn picture(&self, at: usize, (height, width): (usize, usize)) -> Result<RgbImage> {
        let example = &self.examples[at];
        Ok(pictures::fitted(read_picture(&example.path)?, height as u32, width as u32))
    }

    /// A digest of names, captions and pictures: two folders with the same one train the same.
    ///
    /// # Errors
    /// When a picture cannot be read.
    pub fn digest(&self) -> Result<String> {
        let mut hash = Sha256::new();
        for example in &self.examples {
            let bytes = std::fs::read(&example.path).map_err(Error::read(&example.path))?;
            for part in [example.name.as_bytes(), example.caption.as_bytes(), &bytes] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        RgbImage::from_pixel(8, 4, image::Rgb([10, 20, 30]))
            .save(folder.path().join("a.png"))
            .unwrap();
        RgbImage::from_pixel(4, 4, image::Rgb([40, 50, 60]))
            .save(folder.path().join("b.png"))
            .unwrap();
        for (name, bytes) in files {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        folder
    }

    fn refusal(files: &[(&str, &[u8])]) -> String {
        let folder = folder(files);
        ImageFolder::open(folder.path()).unwrap_err().to_string()
    }

    #[test]
    fn all_three_kinds_of_captions_say_the_same() {
        let csv =
            folder(&[("metadata.csv", b"file_name,text\nb.png,\"two, cats\"\na.png,a fox\n")]);
        let jsonl = folder(&[(
            "metadata.jsonl",
            b"{\"file_name\": \"a.png\", \"text\": \"a fox\"}\n\n{\"text\": \"two, cats\", \"file_name\": \"b.png\"}\n",
        )]);
        let beside = folder(&[("a.txt", b"a fox\n"), ("b.txt", b"two, cats")]);
        let said = |folder: &tempfile::TempDir| -> Vec<(String, String)> {
            let read = ImageFolder::open(folder.path()).unwrap();
            read.examples().iter().map(|e| (e.name.clone(), e.caption.clone())).collect()
        };
        let wanted = [
            ("a.png".to_owned(), "a fox".to_owned()),
            ("b.png".to_owned(), "two, cats".to_owned()),
        ];
        assert_eq!(said(&csv), wanted);
        assert_eq!(said(&jsonl), wanted);
        assert_eq!(said(&beside), wanted);
        let digest = |folder: &tempfile::TempDir| {
            ImageFolder::open(folder.path()).unwrap().digest().unwrap()
        };
        assert_eq!(digest(&csv), digest(&beside));
    }

    #[test]
    fn what_cannot_be_trained_on_is_refused_by_name() {
        let cases: [(&str, &[u8], &str); 14] = [
            ("metadata.csv", b"file_name,text\n../a.png,a fox\n", "line 2"),
            ("metadata.csv", b"file_name,text\n/etc/passwd,a fox\n", "line 2"),
            ("metadata.csv", b"file_name,text\nc.png,a fox\n", "c.png"),
            ("metadata.csv", b"file_name,text\na.png,  \n", "empty"),
            ("metadata.csv", b"file_name,text\na.png,a fox\na.png,a dog\n", "twice"),
            ("metadata.csv", b"file_name,text\na.png\n", "line 2"),
            ("metadata.csv", b"file,text\na.png,a fox\n", "file_name"),
            ("metadata.csv", b"file_name,text,text\na.png,a fox,b\n", "twice"),
            ("metadata.csv", b"file_name,text\na.png,\xff\xfe\n", "UTF-8"),
            ("metadata.csv", b"file_name,text\na.png,\"a fox\n", "quot"),
            ("metadata.csv", b"", "file_name"),
            (
                "metadata.jsonl",
                b"{\"file_name\": \"a.png\", \"file_name\": \"b.png\", \"text\": \"x\"}",
                "twice",
            ),
            ("metadata.jsonl", b"{\"file_name\": \"a.png\"}", "text"),
            ("metadata.jsonl", b"{\"file_name\": \"a.png\", \"text\": 3}", "text"),
        ];
        for (name, bytes, wanted) in cases {
            let found = refusal(&[(name, bytes)]);
            assert!(
                found.contains(wanted) && found.contains(name),
                "{:?}: {found}",
                String::from_utf8_lossy(bytes)
            );
        }
        assert!(refusal(&[("a.txt", b"a fox")]).contains("b.txt"));
        assert!(refusal(&[("a.txt", b""), ("b.txt", b"x")]).contains("empty"));
        let both: [(&str, &[u8]); 2] =
            [("metadata.csv", b"file_name,text\n"), ("metadata.jsonl", b"")];
        assert!(refusal(&both).contains("both"));
    }

    #[test]
    fn broken_and_gigantic_pictures_are_refused() {
        let mut gigantic = Vec::new();
        let small = RgbImage::new(1, 1);
        small.write_to(&mut std::io::Cursor::new(&mut gigantic), image::ImageFormat::Png).unwrap();
        // Width and height of the header, then its checksum.
        gigantic[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        let half = {
            let f = folder(&[]);
            fs::read(f.path().join("a.png")).unwrap()[..40].to_vec()
        };
        for bytes in [b"not a picture".as_slice(), b"", &half, &gigantic] {
            let folder =
                folder(&[("a.png", bytes), ("metadata.csv", b"file_name,text\na.png,a fox\n")]);
            let read = ImageFolder::open(folder.path()).unwrap();
            let found = read.picture(0, (8, 8)).unwrap_err().to_string();
            assert!(found.contains("a.png"), "{found}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_folder_is_refused() {
        let outside = folder(&[]);
        let folder = folder(&[("metadata.csv", b"file_name,text\nc.png,a fox\n")]);
        std::os::unix::fs::symlink(outside.path().join("a.png"), folder.path().join("c.png"))
            .unwrap();
        assert!(ImageFolder::open(folder.path()).unwrap_err().to_string().contains("c.png"));
    }

    #[test]
    fn pictures_are_cut_to_the_middle() {
        let folder = folder(&[("metadata.csv", b"file_name,text\na.png,a fox\n")]);
        let picture = ImageFolder::open(folder.path()).unwrap().picture(0, (16, 16)).unwrap();
        assert_eq!(picture.dimensions(), (16, 16));
        assert!(picture.pixels().all(|pixel| pixel.0 == [10, 20, 30]));
    }
}
