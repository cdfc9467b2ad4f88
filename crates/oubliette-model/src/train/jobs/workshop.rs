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
use crate::families::Clip;
use crate::init::random_weights;
use crate::networks::{Shapes, UNet, UNetConfig, Vae, VaeConfig};
use crate::store::{
    Autoencoder, Component, Config, Folder, Naming, NewFolder, Plain, Shards, write_weights,
};
use crate::tokenizer::{ClipTokenizer, TokenizerFiles};
use crate::train::StepRandom;
use crate::weights::{Weight, Weights};

/// The file that holds a diffusers network's weights, without its ending.
const STEM: &str = "diffusion_pytorch_model";

/// Positions of the longest CLIP; a tokenizer's folder says how many it uses.
const MOST_TOKENS: usize = 77;

/// Files by name, as they lie in a folder.
type FileBytes = Vec<(String, Vec<u8>)>;

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

    /// The folder that the job makes.
    pub(super) fn destination(&self) -> PathBuf {
        self.root.join(&self.recipe.into)
    }

    /// What errors about the recipe's `network` name: the file that it becomes.
    pub(super) fn config_path(&self) -> PathBuf {
        self.destination().join("config.json")
    }

    /// Where the job's checkpoint lies: a hidden neighbour of its folder.
    pub(super) fn checkpoint(&self) -> PathBuf {
        let into = self.destination();
        let name = into.file_name().unwrap_or_default().to_string_lossy();
        into.with_file_name(format!(".{name}.checkpoint"))
    }

    /// The files of all folders that the recipe builds on; a job refuses by itself what it needs and is not there.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub(super) fn foundations(&self) -> Result<Vec<PathBuf>> {
        let uses = &self.recipe.uses;
        let mut files = Vec::new();
        for used in [&uses.tokenizer, &uses.clip, &uses.vae, &uses.unet].into_iter().flatten() {
            let folder = self.root.join(used);
            if !folder.is_dir() {
                continue;
            }
            let mut inside = Vec::new();
            for entry in fs::read_dir(&folder).map_err(Error::read(&folder))? {
                inside.push(entry.map_err(Error::read(&folder))?.path());
            }
            inside.retain(|path| path.is_file());
            inside.sort();
            files.extend(inside);
        }
        Ok(files)
    }

    /// Removes the checkpoint of a job that is done.
    ///
    /// # Errors
    /// It cannot be removed.
    pub(super) fn clear(&self) -> Result<()> {
        let path = self.checkpoint();
        if path.exists() { fs::remove_file(&path).map_err(Error::write(&path)) } else { Ok(()) }
    }

    /// Random weights from the recipe's seed; those whose name ends with one of `zeros` begin at zero, so that a
    /// residual block begins as the identity.
    pub(super) fn begin(&self, prefix: &str, shapes: &Shapes, zeros: &[&str]) -> Weights {
        let weights = random_weights(prefix, shapes, self.recipe.seed, &self.device);
        weights.map(|name, weight| match zeros.iter().any(|end| name.ends_with(end)) {
            true => Weight::from_flat(weight.flat().zeros_like(), weight.shape()),
            false => weight.clone(),
        })
    }

    /// The numbers of a step's examples, drawn with replacement.
    pub(super) fn draw(&self, random: &StepRandom) -> Vec<usize> {
        let (mut random, count) = (random.of("examples"), self.examples.len());
        (0..self.recipe.pace.batch).map(|_| random.random_range(0..count)).collect()
    }

    /// Tells the caller how far the job is.
    ///
    /// # Errors
    /// The caller wants the job to stop.
    pub(super) fn tell(
        &mut self,
        phase: &'static str,
        done: u64,
        total: u64,
        loss: Option<f64>,
    ) -> Result<()> {
        match (self.report)(&Progress { phase, done, total, loss }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Interrupted),
        }
    }

    fn used(&self, what: &str, folder: Option<&PathBuf>) -> Result<PathBuf> {
        let why = "is not in the recipe, but this job builds on it";
        let missing =
            || Error::setting(format!("uses.{what}"), why, "name a folder of the workshop");
        Ok(self.root.join(folder.ok_or_else(missing)?))
    }

    /// The files of the tokenizer that the recipe uses, and what they make.
    ///
    /// # Errors
    /// It is not named or cannot be read.
    pub(super) fn tokenizer(&self) -> Result<(FileBytes, ClipTokenizer)> {
        let folder = self.used("tokenizer", self.recipe.uses.tokenizer.as_ref())?;
        let files = TokenizerFiles::read(&folder)?;
        let tokenizer = ClipTokenizer::new(&files, MOST_TOKENS)?;
        Ok((files.files.into_iter().collect(), tokenizer))
    }

    /// The contrastive model that the recipe uses, its weights below `clip/`.
    ///
    /// # Errors
    /// It is not named or cannot be read.
    pub(super) fn clip(&self) -> Result<(Config, Clip)> {
        let path = self.used("clip", self.recipe.uses.clip.as_ref())?;
        let config = Config::read(&Folder::open(&path)?, "CLIPModel")?;
        Ok((config, Clip::load(&path, &self.device)?))
    }

    /// The autoencoder that the recipe uses, its weights below `vae/`.
    ///
    /// # Errors
    /// It is not named or cannot be read.
    pub(super) fn vae(&self) -> Result<(Config, Vae, Weights)> {
        let folder = Folder::open(&self.used("vae", self.recipe.uses.vae.as_ref())?)?;
        let config = Config::read(&folder, "AutoencoderKL")?;
        let vae = Vae::new(VaeConfig::from_json(&config.path, &config.map)?);
        let weights = self.load("vae", &folder, vae.shapes(), &Autoencoder)?;
        Ok((config, vae, weights))
    }

    /// The denoiser that the recipe uses, its weights below `unet/`.
    ///
    /// # Errors
    /// It is not named or cannot be read.
    pub(super) fn unet(&self) -> Result<(Config, Weights)> {
        let folder = Folder::open(&self.used("unet", self.recipe.uses.unet.as_ref())?)?;
        let config = Config::read(&folder, "UNet2DConditionModel")?;
        let unet = UNet::new(UNetConfig::from_json(&config.path, &config.map)?);
        let weights = self.load("unet", &folder, unet.shapes(), &Plain)?;
        Ok((config, weights))
    }

    fn load(
        &self,
        prefix: &str,
        folder: &Folder,
        shapes: Shapes,
        naming: &dyn Naming,
    ) -> Result<Weights> {
        let shards = Arc::new(Shards::open(folder, STEM, None)?);
        let mut weights = Weights::new();
        let component = Component::find(prefix, shards, shapes, naming)?;
        component.load(&mut weights, &self.device, DType::F32)?;
        Ok(weights)
    }

    /// Makes the folder of one diffusers network.
    ///
    /// # Errors
    /// The folder cannot be written; a weight is not finite in the recipe's precision.
    pub(super) fn write_diffusers(
        &self,
        config: Map<String, Value>,
        prefix: &str,
        shapes: &Shapes,
        weights: &Weights,
    ) -> Result<()> {
        let new = NewFolder::create(&self.destination())?;
        new.write_json("config.json", &Value::Object(config))?;
        let path = new.place(Path::new(&format!("{STEM}.safetensors")))?;
        write_weights(&path, weights, prefix, shapes, self.recipe.precision)?;
        new.finish()
    }
}
