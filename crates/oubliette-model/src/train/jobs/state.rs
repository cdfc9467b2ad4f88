//! Everything that changes while a job learns, in memory and in a checkpoint file.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use burn::tensor::{DType, Device};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use sha2::{Digest, Sha256};

use super::TrainRecipe;
use super::workshop::Workshop;
use crate::error::{Error, Result};
use crate::weights::{Weight, Weights};

const START_ANEW: &str = "remove it to start the job anew";

/// Where a job stands.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// Steps taken.
    pub(super) step: usize,
    /// The loss, averaged over the last steps.
    pub(super) loss: f64,
    pub(super) weights: Weights,
    /// AdamW's moments.
    pub(super) first: Weights,
    pub(super) second: Weights,
    /// The running average of the weights.
    pub(super) average: Weights,
}

impl State {
    /// Where the job's checkpoint stands; the beginning where there is none.
    ///
    /// # Errors
    /// The checkpoint is damaged or belongs to another recipe.
    pub(super) fn resume(shop: &Workshop<'_>, start: Weights) -> Result<Self> {
        let path = shop.checkpoint();
        if !path.exists() {
            return Ok(Self { weights: start, ..Self::default() });
        }
        let bytes = fs::read(&path).map_err(Error::read(&path))?;
        let state = Self::parse(&path, &bytes, &digest(shop.recipe), &shop.device)?;
        let same = state.weights.len() == start.len()
            && start
                .iter()
                .all(|(n, w)| state.weights.get(n).is_some_and(|k| k.shape() == w.shape()));
        if same { Ok(state) } else { Err(Error::file(&path, "is of another network", START_ANEW)) }
    }

    fn parse(path: &Path, bytes: &[u8], recipe: &str, device: &Device) -> Result<Self> {
        let damaged = |why: String| Error::file(path, format!("is damaged ({why})"), START_ANEW);
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| damaged(e.to_string()))?;
        let about = header.metadata().clone().unwrap_or_default();
        let said = |key: &str| about.get(key).map(String::as_str).unwrap_or_default();
        if said("recipe") != recipe {
            return Err(Error::file(path, "belongs to another recipe", START_ANEW));
        }
        let mut state = Self {
            step: said("step").parse().map_err(|_| damaged("no step".into()))?,
            loss: said("loss").parse().map_err(|_| damaged("no loss".into()))?,
            ..Self::default()
        };
        let file = SafeTensors::deserialize(bytes).map_err(|e| damaged(e.to_string()))?;
        for (name, view) in file.iter() {
            let odd = || damaged(format!("tensor `{name}`"));
            let (kind, name) = name.split_once(':').ok_or_else(odd)?;
            if view.dtype() != Dtype::F32 || !(1..=Weight::MAX_RANK).contains(&view.shape().len()) {
                return Err(odd());
            }
            let numbers = view.data().chunks_exact(4);
            let values = numbers.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            let weight = Weight::from_f32(values, view.shape(), device, DType::F32);
            state.group(kind).ok_or_else(odd)?.insert(name, weight);
        }
        Ok(state)
    }

    fn group(&mut self, kind: &str) -> Option<&mut Weights> {
        match kind {
            "weights" => Some(&mut self.weights),
            "first" => Some(&mut self.first),
            "second" => Some(&mut self.second),
            "average" => Some(&mut self.average),
            _ => None,
        }
    }

    /// Writes the checkpoint: whole, or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn save(&self, shop: &Workshop<'_>) -> Result<()> {
        let path = shop.checkpoint();
        let about = HashMap::from([
            ("recipe".to_owned(), digest(shop.recipe)),
            ("step".to_owned(), self.step.to_string()),
            // The shortest text that reads back as the same number.
            ("loss".to_owned(), self.loss.to_string()),
        ]);
        let groups = [
            ("weights", &self.weights),
            ("first", &self.first),
            ("second", &self.second),
            ("average", &self.average),
        ];
        let mut tensors = BTreeMap::new();
        for (kind, weights) in groups {
            for (name, weight) in weights {
                let bytes: Vec<u8> =
                    weight.to_f32_vec().iter().flat_map(|value| value.to_le_bytes()).collect();
                tensors.insert(format!("{kind}:{name}"), (weight.shape().to_vec(), bytes));
            }
        }
        let views = tensors.iter().map(|(name, (shape, bytes))| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
            (name, view.expect("a weight has as many numbers as its shape says"))
        });
        let file =
            safetensors::serialize(views, Some(about)).expect("names and sizes are in order");
        replace(&path, &file)
    }
}

/// Writes a file beside the place, flushes it, and moves it there.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::write(folder))?;
    }
    let new = path.with_extension("new");
    let mut file = File::create(&new).map_err(Error::write(&new))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Error::write(&new))?;
    fs::rename(&new, path).map_err(Error::write(path))
}

/// What a checkpoint must have in common with the recipe that goes on from it.
fn digest(recipe: &TrainRecipe) -> String {
    let text = serde_json::to_string(recipe).expect("a recipe is JSON");
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
