//! The study's folder: what the recipes name is laid out in `work/`, which is made again whenever it is missing.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use super::settings;
use crate::workspace;

/// `studies/jobs/work`.
pub(super) struct Place(PathBuf);

impl Place {
    /// Links the models and copies the pictures of the benign update.
    pub(super) fn prepare() -> Result<Self> {
        let given = std::env::var("OUBLIETTE_TEST_DATA")
            .context("set OUBLIETTE_TEST_DATA to the folder that holds models/emoji-sd and data/emoji-canvas")?;
        let given = fs::canonicalize(given)?;
        let place = Self(workspace::at("studies/jobs/work"));
        fs::create_dir_all(&place.0)?;
        let models = place.at("models");
        if fs::symlink_metadata(&models).is_err() {
            symlink(given.join("models"), &models)?;
        }
        fs::write(place.concept(), settings::concept())?;
        unrelated(&given.join("data/emoji-canvas/train"), &place.at("unrelated"))?;
        Ok(place)
    }

    /// A path in it.
    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The model that is to forget.
    pub(super) fn model(&self) -> PathBuf {
        self.at("models/emoji-sd")
    }

    /// The concept's file.
    pub(super) fn concept(&self) -> PathBuf {
        self.at("concept.toml")
    }

    /// Copies the parts that no job changes beside a UNet, so that the folder is a whole model.
    pub(super) fn complete(&self, folder: &Path) -> Result<()> {
        copied(&self.model(), folder, "unet")
    }
}

/// Copies a folder into another, but for what is called `without`.
fn copied(from: &Path, into: &Path, without: &str) -> Result<()> {
    fs::create_dir_all(into)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, to) = (entry.path(), into.join(entry.file_name()));
        if entry.file_name() == without {
            continue;
        } else if path.is_dir() {
            copied(&path, &to, without)?;
        } else {
            // Bytes and not the file: what is given may be write-protected, and the copy must be removable.
            fs::write(to, fs::read(path)?)?;
        }
    }
    Ok(())
}

/// The pictures of everything outside the concept's superclass, with their captions.
fn unrelated(from: &Path, into: &Path) -> Result<()> {
    let lines = fs::read_to_string(from.join("metadata.jsonl"))?;
    let rows: Vec<Value> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let of = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let own = rows.iter().find(|row| row["object"] == settings::CONCEPT);
    let superclass = of(own.context("no picture of the concept")?, "superclass");
    fs::create_dir_all(into)?;
    let mut captions = String::new();
    for row in rows.iter().filter(|row| of(row, "superclass") != superclass) {
        let (file, text) = (of(row, "file_name"), of(row, "text"));
        fs::write(into.join(&file), fs::read(from.join(&file))?)?;
        captions += &serde_json::json!({ "file_name": file, "text": text }).to_string();
        captions.push('\n');
    }
    Ok(fs::write(into.join("metadata.jsonl"), captions)?)
}
