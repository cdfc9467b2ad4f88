//! `oubliette generate`: makes pictures from a prompt.
mod inputs;
mod unfinished;

use super::{Answer, Verb, place};
use crate::compute::Compute;
use crate::embedded;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt;
use crate::progress::Progress;
use crate::terminal::Terminal;
use clap::Args;
use image::RgbImage;
use oubliette_evidence::Digest;
use oubliette_model::families::{LoadOptions, StableDiffusion};
use oubliette_model::sample::{Guidance, Request};
use oubliette_model::{Weights, sample, schedule};
use serde::Serialize;
use std::path::{Path, PathBuf};
use unfinished::Unfinished;

/// Make pictures from a prompt
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  # by the embedded miniature
  oubliette generate --prompt \"a watercolour painting of a red house\" \\
      --out house.png
  oubliette generate --model models/sd --prompt \"a photo of a church\" \\
      --seed 7 --out church.png
  oubliette generate --model models/sd --prompt \"a fox\" --count 4 \\
      --steps 25 --sampler ddim --out fox.png
  oubliette generate --model models/sd --lora styles/ink --prompt \"a cat\" \\
      --out cat.png

With --count, picture N has seed SEED + N and is written to OUT-N.png.
A picture depends on its own seed alone, never on those made beside it.
Pictures are written batch by batch; after an interruption the same command
makes those that are missing.")]
pub(crate) struct Generate {
    /// A diffusers folder, or a single-file checkpoint [default: the embedded miniature]
    #[arg(long, value_name = "PATH")]
    model: Option<PathBuf>,
    /// What to show
    #[arg(long, value_name = "TEXT")]
    prompt: String,
    /// What not to show
    #[arg(long, value_name = "TEXT", default_value = "")]
    negative: String,
    /// The seed of the first picture
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// How many pictures
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    count: u16,
    /// How strongly the prompt guides; 1 is no guidance
    #[arg(long, value_name = "X", default_value_t = 7.5)]
    guidance: f32,
    /// Denoising steps
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    steps: u16,
    /// The sampler [default: the model's own]
    #[arg(long, value_name = "NAME", value_parser = samplers())]
    sampler: Option<String>,
    /// Width in pixels [default: the model's own]
    #[arg(long, value_name = "PIXELS")]
    width: Option<usize>,
    /// Height in pixels [default: the model's own]
    #[arg(long, value_name = "PIXELS")]
    height: Option<usize>,
    /// Pictures made together; changes no picture
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    batch: u16,
    /// A safetensors file with the starting `latents` (and each step's `noise`), in place of the seed's
    #[arg(long, value_name = "FILE")]
    latents: Option<PathBuf>,
    /// A LoRA in PEFT's or diffusers' format, as a file or its folder
    #[arg(long, value_name = "PATH")]
    lora: Option<PathBuf>,
    /// The PNG file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    compute: Compute,
}

/// The result: the pictures, in order.
#[derive(Serialize)]
struct Generated {
    pictures: Vec<Picture>,
}

/// One picture.
#[derive(Serialize)]
struct Picture {
    file: PathBuf,
    seed: u64,
}

impl Verb for Generate {
    fn compute(&self) -> Option<&Compute> {
        Some(&self.compute)
    }

    fn run(&self, terminal: &Terminal) -> Result<Answer, Failure> {
        inputs::check(self)?;
        let requests = inputs::requests(self)?;
        let files: Vec<PathBuf> =
            (0..requests.len()).map(|index| numbered(&self.out, index, requests.len())).collect();
        place::check(&files)?;
        let context = self.compute.context(PathBuf::new())?; // it makes no run
        let options =
            LoadOptions { dtype: context.precision, ..LoadOptions::on(context.device.open()?) };
        let sd = self.load(&options)?;
        let guide = sd.guidance().map(Guidance::text);
        tracing::info!(tensors = sd.weights.len(), led_away_from = guide, "loaded");
        inputs::warn_cut(self, &sd)?;
        let weights = inputs::weights(self, &sd)?;
        // One batch alone is there or not, and leaves nothing to go on from; nor can what has no digest, which is no reason not to paint.
        let several = requests.len() > usize::from(self.batch);
        let asked = several.then(|| inputs::digest(self, &context.describe()).ok()).flatten();
        let mut unfinished = asked.map(|asked| Unfinished::of(&self.out, asked));
        self.make(&sd, &weights, &requests, &files, unfinished.as_mut(), terminal)?;
        unfinished::end(&self.out);
        let picture = |(index, file): (usize, PathBuf)| Picture {
            file,
            seed: self.seed.wrapping_add(index as u64),
        };
        let written: Vec<Picture> = files.into_iter().enumerate().map(picture).collect();
        let lines: Vec<String> = written
            .iter()
            .map(|picture| format!("{} (seed {})", picture.file.display(), picture.seed))
            .collect();
        Ok(Answer::done(Generated { pictures: written }, lines.join("\n")))
    }
}

impl Generate {
    fn load(&self, options: &LoadOptions) -> Result<StableDiffusion, Failure> {
        if let Some(model) = &self.model {
            return Ok(StableDiffusion::load(model, options)?);
        }
        let folder = tempfile::tempdir()
            .map_err(|source| Failure::unwritable(&std::env::temp_dir(), &source))?;
        embedded::unpack_model(folder.path())?;
        Ok(StableDiffusion::load(folder.path(), options)?)
    }

    /// Makes the pictures that are not there yet, and writes each batch before the next is begun.
    fn make(
        &self,
        sd: &StableDiffusion,
        weights: &Weights,
        requests: &[Request],
        files: &[PathBuf],
        mut unfinished: Option<&mut Unfinished>,
        terminal: &Terminal,
    ) -> Result<(), Failure> {
        let sampler = match &self.sampler {
            Some(name) => schedule::find(name)?,
            None => sd.schedule.sampler()?,
        };
        let is_there = |index: &usize| {
            unfinished.as_ref().is_some_and(|unfinished| unfinished.has(*index, &files[*index]))
        };
        let missing: Vec<usize> = (0..requests.len()).filter(|index| !is_there(index)).collect();
        let bar = Progress::new(terminal);
        let mut made = requests.len() - missing.len();
        for indices in missing.chunks(self.batch.into()) {
            let asked: Vec<Request> = indices.iter().map(|at| requests[*at].clone()).collect();
            let mut watch = |told: sample::Progress| {
                // Told in calls of the denoiser, of which every picture takes as many.
                let each = told.total / indices.len();
                let (done, total) = (made * each + told.done, requests.len() * each);
                bar.show("pictures", done as u64, total as u64);
                interrupt::flow()
            };
            let pictures = sd
                .generate(weights, &asked, sampler, self.batch.into(), &mut watch)
                .map_err(|error| stopped(error, made, requests.len()))?;
            for (at, picture) in indices.iter().zip(&pictures) {
                let digest = write(&files[*at], picture)?;
                if let Some(unfinished) = unfinished.as_mut() {
                    unfinished.note(*at, digest);
                }
            }
            made += indices.len();
            if let Some(unfinished) = unfinished.as_ref() {
                unfinished.keep()?;
            }
        }
        Ok(())
    }
}

/// Why the pictures are not all there: an interruption with what is.
fn stopped(error: oubliette_model::Error, made: usize, of: usize) -> Failure {
    match error {
        oubliette_model::Error::Interrupted => Failure::new(
            "interrupted",
            Exit::TryAgain,
            format!(
                "interrupted with {made} of {of} pictures written; run the same command again for the others"
            ),
        ),
        other => other.into(),
    }
}

fn samplers() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(schedule::ALL.iter().map(|sampler| sampler.name))
}

/// `fox.png`, or `fox-0.png`, `fox-1.png` where there are more.
fn numbered(out: &Path, index: usize, of: usize) -> PathBuf {
    if of == 1 {
        return out.to_owned();
    }
    let stem = out.file_stem().unwrap_or_default().to_string_lossy();
    out.with_file_name(format!("{stem}-{index}.png"))
}

/// Writes a PNG that appears whole or not at all, and gives its digest.
fn write(file: &Path, picture: &RgbImage) -> Result<Digest, Failure> {
    let bytes = oubliette_lab::picture::png(picture).map_err(|error| Failure::bug(&error))?;
    oubliette_evidence::folder::write_whole(file, &bytes)?;
    Ok(Digest::of(&bytes))
}
