//! The folder that jobs work in: what they build on, and how they write what they made.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Component as Part, Path, PathBuf};
use std::sync::Arc;

use burn::tensor::{DType, Device};
use rand::Rng;
use serde_json::{Map, Value};

use super::{Examples, Progress, TrainRecipe};
use crate::error::{Error, Result};
use crate::networks::{ClipModel, Shapes, Vae, VaeConfig};
use crate::store::{Autoencoder, Clip, Component, Config, Folder, Naming, Shards};
use crate::tokenizer::ClipTokenizer;
use crate::weights::Weights;

/// The file that holds a diffusers network's weights, without its ending.
pub(super) const DIFFUSERS: &str = "diffusion_pytorch_model";

/// The file that holds a transformers network's weights, without its ending.
pub(super) const TRANSFORMERS: &str = "model";

/// A recipe at work.
pub(super) struct Workshop<'a> {
    pub(super) recipe: &'a TrainRecipe,
    pub(super) examples: &'a dyn Examples,
    pub(super) device: Device,
    root: &'a Path,
    report: &'a mut dyn FnMut(&Progress) -> ControlFlow<()>,
}

impl<'a> Workshop<'a> {
    /// # Errors
    /// The recipe's folder is not plainly below the workshop.
    pub(super) fn new(
        recipe: &'a TrainRecipe,
        examples: &'a dyn Examples,
        root: &'a Path,
        device: &Device,
        report: &'a mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Self> {
        let into = &recipe.into;
        let plain = into.components().all(|part| matches!(part, Part::Normal(_)));
        if !plain || into.as_os_str().is_empty() {
            let why = format!("is `{}`", into.display());
            return Err(Error::setting("into", why, "name a folder below the workshop"));
        }
        Ok(Self { recipe, examples, device: device.clone(), root, report })
    }

    /// Whether the job's folder is there.
    pub(super) fn is_made(&self) -> bool {
        self.into().exists()
    }

    fn into(&self) -> PathBuf {
        self.root.join(&self.recipe.into)
    }

    /// What errors about the recipe's `network` name: the file that it becomes.
    pub(super) fn config_path(&self) -> PathBuf {
        self.into().join("config.json")
    }

    /// Where the job's checkpoint lies.
    pub(super) fn checkpoint(&self) -> PathBuf {
        beside(&self.into(), "checkpoint")
    }

    /// The numbers of a batch of examples, drawn with replacement.
    pub(super) fn draw(&self, rng: &mut impl Rng) -> Vec<usize> {
        let count = self.examples.len();
        (0..self.recipe.pace.batch).map(|_| rng.random_range(0..count)).collect()
    }

    /// Tells the caller how far the job is.
    ///
    /// # Errors
    /// The caller wants the job to stop.
    pub(super) fn tell(
        &mut self,
        phase: &'static str,
        done: usize,
        total: usize,
        loss: Option<f64>,
    ) -> Result<()> {
        match (self.report)(&Progress { phase, done, total, loss }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Interrupted),
        }
    }

    /// A folder that the recipe's `uses` names.
    ///
    /// # Errors
    /// The recipe does not name it.
    pub(super) fn used(&self, what: &str, folder: Option<&PathBuf>) -> Result<PathBuf> {
        let why = "is not in the recipe, but this job builds on it";
        let missing =
            || Error::setting(format!("uses.{what}"), why, "name a folder of the workshop");
        Ok(self.root.join(folder.ok_or_else(missing)?))
    }

    /// The tokenizer that the recipe uses.
    ///
    /// # Errors
    /// It is not named or cannot be read.
    pub(super) fn tokenizer(&self) -> Result<ClipTokenizer> {
        let folder = self.used("tokenizer", self.recipe.uses.tokenizer.as_ref())?;
        // The folder says how long a sequence is; the bound is the longest of any CLIP.
        ClipTokenizer::load(&folder, 77)
    }

    /// The autoencoder that the recipe uses, its weights below `vae/`.
    ///
    /// # Errors
    /// It is not named or cannot be read.
    pub(super) fn vae(&self) -> Result<(Vae, Weights)> {
        let folder = Folder::open(&self.used("vae", self.recipe.uses.vae.as_ref())?)?;
        let config = Config::read(&folder, "AutoencoderKL")?;
        let vae = Vae::new(VaeConfig::from_json(&config.path, &config.map)?);
        let weights = self.load("vae", &folder, DIFFUSERS, vae.shapes(), &Autoencoder)?;
        Ok((vae, weights))
    }

    /// The contrastive model that the recipe uses, its weights below `clip/`.
    ///
    /// # Errors
    /// It is not named or cannot be read.
    pub(super) fn clip(&self) -> Result<(ClipModel, Weights)> {
        let folder = Folder::open(&self.used("clip", self.recipe.uses.clip.as_ref())?)?;
        let config = Config::read(&folder, "CLIPModel")?;
        let clip = ClipModel::from_json(&config.path, &config.map)?;
        let weights = self.load("clip", &folder, TRANSFORMERS, clip.shapes(), &Clip)?;
        Ok((clip, weights))
    }

    fn load(
        &self,
        prefix: &str,
        folder: &Folder,
        stem: &str,
        shapes: Shapes,
        naming: &dyn Naming,
    ) -> Result<Weights> {
        let shards = Arc::new(Shards::open(folder, stem, None)?);
        let mut weights = Weights::new();
        let component = Component::find(prefix, shards, shapes, naming)?;
        component.load(&mut weights, &self.device, DType::F32)?;
        Ok(weights)
    }

    /// Makes the job's folder: whole, or not at all.
    ///
    /// # Errors
    /// `fill` fails, or the folder cannot be written.
    pub(super) fn write_folder(&self, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let (into, partial) = (self.into(), beside(&self.into(), "partial"));
        if partial.exists() {
            fs::remove_dir_all(&partial).map_err(Error::write(&partial))?;
        }
        fs::create_dir_all(&partial).map_err(Error::write(&partial))?;
        fill(&partial)?;
        fs::rename(&partial, &into).map_err(Error::write(&into))?;
        let checkpoint = self.checkpoint();
        if checkpoint.is_dir() {
            fs::remove_dir_all(&checkpoint).map_err(Error::write(&checkpoint))?;
        } else if checkpoint.exists() {
            fs::remove_file(&checkpoint).map_err(Error::write(&checkpoint))?;
        }
        Ok(())
    }

    /// Makes the folder of a diffusers network.
    ///
    /// # Errors
    /// As [`Workshop::write_folder`]; a weight is not finite in the recipe's precision.
    pub(super) fn write_diffusers(
        &self,
        config: &Map<String, Value>,
        shapes: &Shapes,
        weights: &Weights,
    ) -> Result<()> {
        self.write_folder(|folder| {
            write_json(&folder.join("config.json"), config)?;
            let path = folder.join(format!("{DIFFUSERS}.safetensors"));
            super::tensors::write(&path, shapes, weights, self.recipe.precision)
        })
    }

    /// Makes the folder of a transformers network that looks at pictures.
    ///
    /// # Errors
    /// As [`Workshop::write_diffusers`].
    pub(super) fn write_transformers(
        &self,
        config: &Map<String, Value>,
        preprocessing: &Value,
        shapes: &Shapes,
        weights: &Weights,
    ) -> Result<()> {
        self.write_folder(|folder| {
            write_json(&folder.join("config.json"), config)?;
            write_json(&folder.join("preprocessor_config.json"), preprocessing)?;
            let path = folder.join(format!("{TRANSFORMERS}.safetensors"));
            super::tensors::write(&path, shapes, weights, self.recipe.precision)
        })
    }
}

/// Writes a value as indented JSON with a newline at its end.
pub(super) fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value).expect("maps with text keys are JSON");
    text.push('\n');
    fs::write(path, text).map_err(Error::write(path))
}

/// A hidden neighbour of a folder.
fn beside(folder: &Path, what: &str) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    folder.with_file_name(format!(".{name}.{what}"))
}
