//! Latents that the original drew to be trained on: what several settings of a method are tried on is drawn once.

use std::path::Path;

use burn::tensor::Device;
use oubliette_evidence::Digest;
use oubliette_model::Weights;

use crate::{
    notes::{MAKER, Notes, key},
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
        let from = key(&("drawn", MAKER, device, model));
        Self { notes: Notes::of(runs), from }
    }

    /// What was drawn for the same request before; a file that is not as it was written is none.
    pub(crate) fn read(&self, request: Digest, device: &Device) -> Option<Weights> {
        let (file, seal) = self.places(request);
        let written: Digest = self.notes.read(seal)?;
        let whole = Digest::of(&self.notes.bytes(file)?) == written;
        whole.then(|| extra::load(&self.notes.file(file), device).ok()).flatten()
    }

    /// Keeps what was drawn, where that is possible.
    pub(crate) fn keep(&self, request: Digest, drawn: &Weights) {
        let (file, seal) = self.places(request);
        let saved = self.notes.room(file).and_then(|room| extra::save(&room, drawn));
        if saved.is_ok()
            && let Some(bytes) = self.notes.bytes(file)
        {
            self.notes.write(seal, &Digest::of(&bytes));
        }
    }

    /// Where the latents lie, and where their digest.
    fn places(&self, request: Digest) -> (Digest, Digest) {
        (key(&(self.from, request)), key(&(self.from, request, "digest")))
    }
}
