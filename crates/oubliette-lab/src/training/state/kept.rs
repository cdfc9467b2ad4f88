//! What a stage keeps in files, to be taken up again.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use burn::tensor::{DType, Device};
use oubliette_model::{Weight, Weights, train::Checkpoint};

use super::State;
use crate::{
    Error, Result,
    training::{Place, Train, extra},
};

/// The name under which the losses lie beside the parts' state.
const LOSSES: &str = "losses";
/// The running mean of the forget loss.
const FORGETTING: &str = "forgetting";
/// How far the last look found the student from the original.
const MOVED: &str = "moved";
/// All gradients so far, where they pile up.
const PILE: &str = "pile";

impl State {
    /// Takes up the checkpoint, where there is one of this run or of a shorter one; one that cannot be read is set aside.
    pub(in crate::training) fn resume(&mut self, stage: &mut Train, place: &Place) -> Result<()> {
        let own = Some(&place.checkpoint).filter(|path| path.exists());
        for path in own.into_iter().chain(&place.shorter) {
            match self.read(path, &place.run) {
                Ok(Some(saved)) => {
                    self.kept = (*path == place.checkpoint).then_some(saved.0.step);
                    return self.take_up(stage, saved);
                }
                Ok(None) => {}
                Err(error) if is_spoiled(&error) => set_aside(path)?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// A checkpoint, and what the parts keep beside it.
    fn read(&self, path: &Path, run: &str) -> Result<Option<(Checkpoint, Weights)>> {
        let like = self.weights.only(&self.names);
        let (optimiser, average) = (self.optimiser.clone(), self.average.clone());
        let Some(saved) = Checkpoint::load(path, run, &like, optimiser, average)? else {
            return Ok(None);
        };
        let beside = extra::load(&parts_file(path, saved.step), &self.device())?;
        Ok(Some((saved, beside)))
    }

    fn take_up(&mut self, stage: &mut Train, (saved, beside): (Checkpoint, Weights)) -> Result<()> {
        self.step = saved.step;
        self.weights.extend(saved.weights);
        self.optimiser = saved.optimiser;
        self.average = saved.ema;
        for (name, part) in stage.stateful() {
            part.restore(&beside.within(&name))?;
        }
        self.pile = beside.within(PILE);
        let number = |name| beside.get(name).map(|one| one.to_f32_vec()[0]);
        (self.forgetting, self.moved) = (number(FORGETTING), number(MOVED).map(f64::from));
        for loss in beside.get(LOSSES).map(Weight::to_f32_vec).unwrap_or_default() {
            self.losses.push(loss);
            if let Some(what) = self.divergence.check(f64::from(loss)) {
                return Err(self.diverged(stage, what));
            }
        }
        Ok(())
    }

    /// Writes the checkpoint, the `last` one or one on the way; a training that left the finite numbers is refused first.
    ///
    /// What the parts keep goes into a file named after the step, written before the checkpoint that
    /// refers to it, so that the two never disagree.
    pub(in crate::training) fn save(
        &mut self,
        stage: &mut Train,
        place: &Place,
        last: bool,
    ) -> Result<()> {
        let trained = self.weights.only(&self.names);
        self.refuse_infinite(stage, &trained)?;
        let mut beside = Weights::new();
        for (name, part) in stage.stateful() {
            beside.extend(part.state().under(&name));
        }
        beside.extend(self.pile.under(PILE));
        let row =
            Weight::from_f32(self.losses.clone(), &[self.losses.len()], &self.device(), DType::F32);
        beside.insert(LOSSES, row);
        let moved = self.moved.map(|moved| moved as f32);
        for (name, number) in [(FORGETTING, self.forgetting), (MOVED, moved)] {
            let one =
                number.map(|one| Weight::from_f32(vec![one], &[1], &self.device(), DType::F32));
            beside.extend(one.map(|one| (name.to_owned(), one)));
        }
        let path = &place.checkpoint;
        extra::save(&parts_file(path, self.step), &beside)?;
        let (run, ema) = (place.run.clone(), self.average.clone());
        let optimiser = match last && place.ends {
            true => self.optimiser.begun_anew(),
            false => self.optimiser.clone(),
        };
        Checkpoint { run, step: self.step, weights: trained, optimiser, ema }.save(path)?;
        if let Some(before) = self.kept.replace(self.step).filter(|before| *before != self.step) {
            let _ = fs::remove_file(parts_file(path, before)); // of the checkpoint that was just replaced
        }
        Ok(())
    }

    fn refuse_infinite(&self, stage: &Train, trained: &Weights) -> Result<()> {
        let Some((name, _)) = trained.iter().find(|(_, weight)| !is_finite(weight)) else {
            return Ok(());
        };
        Err(self.diverged(stage, format!("`{name}` is no longer finite")))
    }

    fn device(&self) -> Device {
        self.weights.iter().next().map_or_else(Device::flex, |(_, weight)| weight.device())
    }
}

/// Whether an error lies in what a file holds, or in a part that is missing, and not in what the system allows.
fn is_spoiled(error: &Error) -> bool {
    use oubliette_model::Error::{File, Read, Tensor};
    match error {
        Error::Model(File { .. } | Tensor { .. }) => true,
        Error::Model(Read { source, .. }) => {
            matches!(source.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof)
        }
        _ => false,
    }
}

/// Puts a checkpoint that cannot be read out of the way, so that its training begins again, from a shorter one or from the start.
fn set_aside(path: &Path) -> Result<()> {
    let aside = path.with_extension("safetensors.unreadable");
    fs::rename(path, &aside).map_err(Error::io("set aside", path))?;
    let (path, aside) = (path.display(), aside.display());
    tracing::warn!(
        "`{path}` is damaged: it is set aside as `{aside}`, and its training begun again"
    );
    Ok(())
}

fn parts_file(checkpoint: &Path, step: u64) -> PathBuf {
    checkpoint.with_extension(format!("{step}.parts"))
}

/// A sum of squares that is finite has finite terms; one that overflowed is no better than infinite.
fn is_finite(weight: &Weight) -> bool {
    let row = weight.flat();
    let sum: f32 = (row.clone() * row).sum().into_scalar();
    sum.is_finite()
}
