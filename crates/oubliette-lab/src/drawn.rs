//! Latents that the original drew to be trained on: what several settings of a method are tried on is drawn once.

use std::path::Path;

use burn::tensor::Device;
use oubliette_evidence::Digest;
use oubliette_model::Weights;

use crate::{
    Result,
    notes::{Notes, key},
    training::extra,
};

/// What one model has drawn in the runs of one folder.
#[derive(Debug, Clone)]
pub struct Drawn {
    notes: Notes,
    /// What everything follows from that is not asked for: this program, the device's kind, and the model.
    from: Digest,
}

impl Drawn {
    /// What the model called `model` drew on such a `device` for runs in `runs`.
    pub fn of(runs: &Path, model: Digest, device: &str) -> Self {
        let from = key(&("drawn", env!("CARGO_PKG_VERSION"), device, model));
        Self { notes: Notes::of(runs), from }
    }

    /// What was drawn for the same request before; a file that cannot be read is none.
    pub(crate) fn read(&self, request: Digest, device: &Device) -> Option<Weights> {
        let file = self.notes.file(key(&(self.from, request)));
        file.is_file().then(|| extra::load(&file, device).ok()).flatten()
    }

    /// Keeps what was drawn.
    ///
    /// # Errors
    /// A full disk.
    pub(crate) fn keep(&self, request: Digest, drawn: &Weights) -> Result<()> {
        extra::save(&self.notes.room(key(&(self.from, request)))?, drawn)
    }
}
