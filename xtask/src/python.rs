//! The one Python environment, made from `python/requirements.txt` and made again when that changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{process, workspace};

/// The environment's interpreter.
pub(crate) struct Python(PathBuf);

impl Python {
    /// Opens the environment, which takes minutes the first time.
    pub(crate) fn open() -> Result<Self> {
        let wanted = fs::read_to_string(workspace::at("python/requirements.txt"))?;
        let folder = workspace::target().join("python");
        let interpreter = folder.join("bin/python");
        // Written last: a half-made environment has none, or an old one.
        let made = folder.join("made-from.txt");
        if fs::read_to_string(&made).is_ok_and(|made| made == wanted) {
            return Ok(Self(interpreter));
        }
        make(&folder, &interpreter)?;
        fs::write(&made, wanted)?;
        Ok(Self(interpreter))
    }

    /// A script of this repository, run in its own folder's company.
    pub(crate) fn script(&self, path: &str) -> Command {
        let mut command = Command::new(&self.0);
        command.arg(workspace::at(path)).current_dir(workspace::root());
        // Nothing here needs a hub, and results must not depend on one.
        command.env("HF_HUB_OFFLINE", "1").env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("TRANSFORMERS_VERBOSITY", "error").env("DIFFUSERS_VERBOSITY", "error");
        command
    }
}

fn make(folder: &Path, interpreter: &Path) -> Result<()> {
    println!("making the Python environment in {}", folder.display());
    process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))
        .context("python3 (3.11 or later) with its venv module is needed")?;
    let requirements = workspace::at("python/requirements.txt");
    process::run(
        Command::new(interpreter)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(requirements),
    )
}
