//! `oubliette generate`: makes pictures from a prompt.
mod inputs;

use super::{Answer, Verb};
use crate::compute::Compute;
use crate::embedded;
use crate::failure::Failure;
use crate::interrupt;
use crate::progress::Progress;
use crate::terminal::Terminal;
use clap::Args;
use image::RgbImage;
use oubliette_model::families::{LoadOptions, StableDiffusion};
use oubliette_model::sample::Guidance;
use oubliette_model::{Weights, sample, schedule};
use serde::Serialize;
use std::path::{Path, PathBuf};

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
A picture depends on its own seed alone, never on those made beside it.")]
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
        let (device, dtype) = self.compute.begin()?;
        let options = LoadOptions { dtype, ..LoadOptions::on(device.open()?) };
        let sd = self.load(&options)?;
        let guide = sd.guidance().map(Guidance::text);
        tracing::info!(tensors = sd.weights.len(), led_away_from = guide, "loaded");
        let weights = inputs::weights(self, &sd)?;
        let pictures = self.pictures(&sd, &weights, terminal)?;
        let mut written = Vec::new();
        for (index, picture) in pictures.iter().enumerate() {
            let file = numbered(&self.out, index, pictures.len());
            write(&file, picture)?;
            written.push(Picture { file, seed: self.seed.wrapping_add(index as u64) });
        }
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

    fn pictures(
        &self,
        sd: &StableDiffusion,
        weights: &Weights,
        terminal: &Terminal,
    ) -> Result<Vec<RgbImage>, Failure> {
        let requests = inputs::requests(self)?;
        let sampler = match &self.sampler {
            Some(name) => schedule::find(name)?,
            None => sd.schedule.sampler()?,
        };
        let bar = Progress::new(terminal);
        let mut watch = |told: sample::Progress| {
            bar.show("pictures", told.done as u64, told.total as u64);
            interrupt::flow()
        };
        Ok(sd.generate(weights, &requests, sampler, self.batch.into(), &mut watch)?)
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

/// Writes a PNG that appears whole or not at all.
fn write(file: &Path, picture: &RgbImage) -> Result<(), Failure> {
    let bytes = oubliette_lab::picture::png(picture).map_err(|error| Failure::bug(&error))?;
    Ok(oubliette_evidence::folder::write_whole(file, &bytes)?)
}
