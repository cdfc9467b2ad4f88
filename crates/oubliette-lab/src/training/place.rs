//! Where a stage can be taken up.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{Error, Result};

/// Where a stage can be taken up, and how often it makes that possible.
pub struct Place {
    /// Which training this is; checkpoints of another one are set aside.
    pub run: String,
    /// The checkpoint file that is written.
    pub checkpoint: PathBuf,
    /// A checkpoint of a shorter run of the same training, used while there is no own one.
    pub shorter: Option<PathBuf>,
    /// Steps between checkpoints.
    pub every: u64,
    /// Whether nothing ever goes on behind the last step, so that the checkpoint of it needs no moments.
    pub ends: bool,
}

impl Place {
    /// The place of the run `name` of `steps` steps among the runs in `folder`.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn of_run(folder: &Path, name: &str, steps: u64, every: u64) -> Result<Self> {
        let mut shorter: Option<(u64, PathBuf)> = None;
        for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
            let path = entry.map_err(Error::io("read", folder))?.path();
            let file = path.file_name().and_then(|file| file.to_str()).unwrap_or_default();
            let stem = file.strip_suffix(".safetensors").unwrap_or_default();
            let of_run = stem.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
            let Some(done) = of_run.and_then(|steps| steps.parse().ok()) else { continue };
            if done < steps && shorter.as_ref().is_none_or(|(best, _)| *best < done) {
                shorter = Some((done, path));
            }
        }
        let checkpoint = folder.join(format!("{name}-{steps}.safetensors"));
        let run = name.to_owned();
        Ok(Self { run, checkpoint, shorter: shorter.map(|(_, path)| path), every, ends: false })
    }
}
