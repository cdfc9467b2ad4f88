//! Makes the goldens again and compares them with the committed ones.

use std::fs;

use anyhow::{Result, bail};

use crate::python::Python;
use crate::{process, workspace};

/// What to do with goldens that differ.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Put the new ones in the place of the committed ones
    #[arg(long)]
    accept: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let python = Python::open()?;
    let (kept, made) = (workspace::at("goldens/data"), workspace::target().join("goldens"));
    process::run(python.script("goldens/make.py").arg(&made))?;
    let same = process::run(python.script("goldens/compare.py").arg(&kept).arg(&made)).is_ok();
    if arguments.accept {
        fs::remove_dir_all(&kept)?;
        fs::rename(&made, &kept)?;
    } else if !same {
        bail!("goldens differ; look at why, then `cargo xtask goldens --accept`");
    }
    Ok(())
}
