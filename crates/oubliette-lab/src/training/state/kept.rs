//! What a stage keeps in files, to be taken up again.

use std::{
    fs,
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

impl State {
    /// Takes up the checkpoint, where there is one of this run or of a shorter one.
    pub(in crate::training) fn resume(&mut self, stage: &mut Train, place: &Place) -> Result<()> {
        let own = Some(&place.checkpoint).filter(|path| path.exists());
        let Some(path) = own.or(place.shorter.as_ref()) else { return Ok(()) };
        let like = self.weights.only(&self.names);
        let saved = Checkpoint::load(
            path,
            &place.run,
            &like,
            self.optimiser.clone(),
            self.average.clone(),
        )?;
        let Some(saved) = saved else { return Ok(()) };
        self.kept = own.map(|_| saved.step);
        let beside = extra::load(&parts_file(path, saved.step), &self.device())?;
        self.step = saved.step;
        self.weights.extend(saved.weights);
        self.optimiser = saved.optimiser;
        self.average = saved.ema;
        for (name, part) in stage.stateful() {
            part.restore(&beside.within(&name))?;
        }
        self.forgetting = beside.get(FORGETTING).map(|one| one.to_f32_vec()[0]);
        for loss in beside.get(LOSSES).map(Weight::to_f32_vec).unwrap_or_default() {
            self.losses.push(loss);
            let step = self.losses.len() as u64;
            self.divergence.check(step, f64::from(loss), stage.optimiser.learning_rate)?;
        }
        Ok(())
    }

    /// Writes the checkpoint; a training that left the finite numbers is refused first.
    ///
    /// What the parts keep goes into a file named after the step, written before the checkpoint that
    /// refers to it, so that the two never disagree.
    pub(in crate::training) fn save(&mut self, stage: &mut Train, place: &Place) -> Result<()> {
        let trained = self.weights.only(&self.names);
        self.refuse_infinite(stage, &trained)?;
        let mut beside = Weights::new();
        for (name, part) in stage.stateful() {
            beside.extend(part.state().under(&name));
        }
        let row =
            Weight::from_f32(self.losses.clone(), &[self.losses.len()], &self.device(), DType::F32);
        beside.insert(LOSSES, row);
        if let Some(mean) = self.forgetting {
            beside
                .insert(FORGETTING, Weight::from_f32(vec![mean], &[1], &self.device(), DType::F32));
        }
        let path = &place.checkpoint;
        extra::save(&parts_file(path, self.step), &beside)?;
        let (run, optimiser, ema) =
            (place.run.clone(), self.optimiser.clone(), self.average.clone());
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
        let last = &self.losses[self.losses.len().saturating_sub(20)..];
        Err(Error::Diverged {
            step: self.step,
            what: format!("`{name}` is no longer finite"),
            losses: last.iter().map(|loss| format!("{loss:.4}")).collect::<Vec<_>>().join(", "),
            learning_rate: stage.optimiser.learning_rate,
        })
    }

    fn device(&self) -> Device {
        self.weights.iter().next().map_or_else(Device::flex, |(_, weight)| weight.device())
    }
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
