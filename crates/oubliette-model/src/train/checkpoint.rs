//! A training run on disk, as one safetensors file that is whole or not there.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::DType;
use serde_json::json;

use super::Optimiser;
use super::ema::Ema;
use super::optimiser::in_f32;
use crate::error::{Error, Result};
use crate::store::{TensorFile, save_floats};
use crate::weights::{Weight, Weights};

/// Everything that a run needs to go on as if it had not stopped.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Which run this is: a digest of all that decides its course. A checkpoint of another run is refused.
    pub run: String,
    /// Steps that are done.
    pub step: u64,
    /// The trained weights.
    pub weights: Weights,
    /// The optimiser's moments.
    pub optimiser: Optimiser,
    /// The average, where there is one.
    pub ema: Option<Ema>,
}

const AGAIN: &str = "remove it to begin this run again, or name another folder";

impl Checkpoint {
    /// Writes the checkpoint: to a sibling first, flushed, then renamed.
    ///
    /// # Errors
    /// When it cannot be written; what was there before is then still there.
    pub fn save(&self, path: &Path) -> Result<()> {
        let notes = json!({
            "format": "oubliette-checkpoint-1",
            "run": self.run,
            "step": self.step.to_string(),
            "optimiser_steps": self.optimiser.steps.to_string(),
            "ema_updates": self.ema.as_ref().map_or(0, |ema| ema.updates).to_string(),
        });
        save_floats(path, &self.tensors(), notes)
    }

    /// Reads a checkpoint of the run `run`, if there is one. Every tensor gets the device of `like`, the weights that the run began with,
    /// and the weights their number format; `optimiser` and `ema` are the run's own, before their first step.
    ///
    /// # Errors
    /// When the file is damaged, belongs to another run, or holds other weights.
    pub fn load(
        path: &Path,
        run: &str,
        like: &Weights,
        optimiser: Optimiser,
        ema: Option<Ema>,
    ) -> Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let file = TensorFile::open(path)?;
        let note = |key: &str| file.notes().get(key).map(String::as_str).unwrap_or_default();
        if note("format") != "oubliette-checkpoint-1" {
            return Err(Error::file(path, "is not a checkpoint", AGAIN));
        }
        if note("run") != run {
            let why = format!("belongs to another run ({:.16}, not {run:.16})", note("run"));
            return Err(Error::file(path, why, AGAIN));
        }
        let number = |key: &str| {
            note(key)
                .parse()
                .map_err(|_| Error::file(path, format!("does not say its {key}"), AGAIN))
        };
        let section = |name: &str| read_section(&file, name, &in_f32(like));
        let short: Weights = (like.iter())
            .filter(|(_, weight)| weight.dtype() != DType::F32)
            .map(|(name, weight)| (name.clone(), weight.clone()))
            .collect();
        let steps = number("optimiser_steps")?;
        let optimiser = match steps {
            0 => Optimiser::new(optimiser.settings),
            _ => Optimiser {
                settings: optimiser.settings,
                steps,
                first: section("first")?,
                second: section("second")?,
                exact: read_section(&file, "exact", &in_f32(&short))?,
            },
        };
        let ema = match ema {
            None => None,
            Some(ema) => Some(Ema {
                decay: ema.decay,
                updates: number("ema_updates")?,
                average: section("ema")?,
            }),
        };
        Ok(Some(Self {
            run: run.to_owned(),
            step: number("step")?,
            weights: read_section(&file, "weights", like)?,
            optimiser,
            ema,
        }))
    }

    fn tensors(&self) -> BTreeMap<String, &Weight> {
        let average = self.ema.as_ref().map(|ema| ("ema", &ema.average));
        let sections = [
            ("weights", &self.weights),
            ("first", &self.optimiser.first),
            ("second", &self.optimiser.second),
            ("exact", &self.optimiser.exact),
        ];
        let all = sections.into_iter().chain(average).flat_map(|(section, weights)| {
            weights.iter().map(move |(name, weight)| (format!("{section}:{name}"), weight))
        });
        all.collect()
    }
}

fn read_section(file: &TensorFile, section: &str, like: &Weights) -> Result<Weights> {
    let read = |(name, weight): (&String, &Weight)| {
        let key = format!("{section}:{name}");
        let values = file.read(&key)?;
        let shape = file.entries().get(&key).map(|entry| entry.shape.as_slice());
        if shape != Some(weight.shape()) {
            return Err(Error::tensor(
                file.path(),
                key,
                "has another shape than the model's weight",
                AGAIN,
            ));
        }
        let device = weight.device().inner();
        Ok((name.clone(), Weight::from_f32(values, weight.shape(), &device, weight.dtype())))
    };
    like.iter().map(read).collect()
}
