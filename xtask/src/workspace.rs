//! Where things lie in the checkout.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::process;

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace")
}

/// A path below the root.
pub(crate) fn at(path: &str) -> PathBuf {
    root().join(path)
}

/// Cargo's folder for what is built, where chores put theirs too.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| at("target"), PathBuf::from)
}

/// Builds a package of the workspace for release, or what `more` chooses of it.
pub(crate) fn build(package: &str, more: &[&str]) -> Result<()> {
    // Beside the command line, so that dependencies have the features that they have everywhere else and are not
    // built anew.
    let packages = ["--package", "oubliette", "--package", package];
    let mut cargo = Command::new(env!("CARGO"));
    process::run(
        cargo.args(["build", "--release", "--quiet"]).args(packages).args(more).current_dir(root()),
    )
}
