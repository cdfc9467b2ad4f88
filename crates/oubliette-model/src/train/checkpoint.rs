//! A training run on disk, as one safetensors file that is whole or not there.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, TensorView};

use super::Optimiser;
use super::ema::Ema;
use crate::error::{Error, Result};
use crate::store::{TensorFile, metadata};
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
        let tensors = self.tensors();
        let views = tensors.iter().map(|(name, (bytes, shape))| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
            (name.clone(), view.expect("four bytes for each value"))
        });
        let notes = HashMap::from([
            ("format".to_owned(), "oubliette-checkpoint-1".to_owned()),
            ("run".to_owned(), self.run.clone()),
            ("step".to_owned(), self.step.to_string()),
            ("optimiser_steps".to_owned(), self.optimiser.steps.to_string()),
            ("ema_updates".to_owned(), self.ema.as_ref().map_or(0, |ema| ema.updates).to_string()),
        ]);
        let unsayable =
            |error: safetensors::SafeTensorError| Error::file(path, error.to_string(), AGAIN);
        let bytes = safetensors::serialize(views, Some(notes)).map_err(unsayable)?;
        replace(path, &bytes)
    }

    /// Reads a checkpoint of the run `run`, if there is one. Every tensor gets the device and the number format of
    /// `like`, the weights that the run began with; `optimiser` and `ema` are the run's own, before their first step.
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
        let notes = metadata(path)?;
        let note = |key: &str| notes.get(key).map(String::as_str).unwrap_or_default();
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
        let file = TensorFile::open(path)?;
        let section = |name: &str| read_section(&file, name, like);
        let steps = number("optimiser_steps")?;
        let (first, second) =
            if steps > 0 { (section("first")?, section("second")?) } else { Default::default() };
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
            weights: section("weights")?,
            optimiser: Optimiser { settings: optimiser.settings, steps, first, second },
            ema,
        }))
    }

    fn tensors(&self) -> BTreeMap<String, (Vec<u8>, Vec<usize>)> {
        let nothing = Weights::new();
        let average = self.ema.as_ref().map_or(&nothing, |ema| &ema.average);
        let sections = [
            ("weights", &self.weights),
            ("first", &self.optimiser.first),
            ("second", &self.optimiser.second),
            ("ema", average),
        ];
        let entry = |section: &str, name: &str, weight: &Weight| {
            let bytes = weight.to_f32_vec().into_iter().flat_map(f32::to_le_bytes).collect();
            (format!("{section}:{name}"), (bytes, weight.shape().to_vec()))
        };
        let all = sections.into_iter();
        all.flat_map(|(section, weights)| {
            weights.iter().map(move |(name, weight)| entry(section, name, weight))
        })
        .collect()
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
        let dtype = if section == "weights" { weight.dtype() } else { burn::tensor::DType::F32 };
        Ok((
            name.clone(),
            Weight::from_f32(values, weight.shape(), &weight.device().inner(), dtype),
        ))
    };
    like.iter().map(read).collect()
}

/// Puts a file in the place of another: no moment at which a reader finds half of it.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    fs::create_dir_all(&parent).map_err(Error::write(&parent))?;
    let mut partial = path.as_os_str().to_owned();
    partial.push(".incomplete");
    let partial = PathBuf::from(partial);
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        #[cfg(unix)]
        File::open(&parent)?.sync_all()?;
        Ok(())
    };
    write().map_err(|source| {
        // The error that matters is the first one.
        let _ = fs::remove_file(&partial);
        Error::write(path)(source)
    })
}
