//! The random numbers of a run of the program, written down so that the other side can train on the very same ones.
//!
//! How they are drawn stands in the sources of `oubliette-lab`, which this file follows. That it still does is shown where it is used:
//! PyTorch with the program's savings and these numbers must end at the program's weights.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use oubliette_lab::lot::{Lot, Rng};
use rand::{Rng as _, seq::IndexedRandom as _};
use rand_distr::StandardNormal;
use safetensors::{Dtype, tensor::TensorView};
use serde::Deserialize;

use crate::Run;

/// Pictures whose noise a run draws from one lot.
const A_LOT: usize = 8;

/// What a run draws.
#[derive(Deserialize)]
pub(crate) struct Settings {
    seed: u64,
    /// The stage, as progress calls it.
    stage: String,
    steps: u64,
    /// Rows of a step.
    batch: usize,
    /// Channels, height, width.
    latents: [usize; 3],
    /// Of the training schedule.
    levels: usize,
    /// By the key of a recipe that says them.
    sources: BTreeMap<String, Source>,
}

/// A source, as far as it draws.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Source {
    /// So many pictures before the first step, and some of them noised in every step; where they are encoded, each is a draw of its latents.
    Prompts { pictures: usize, encoded: bool },
    /// Samplings of so many calls that serve so many steps each.
    Trajectory { calls: usize, pairs: u64 },
}

/// Writes `draws.safetensors` into its folder when it is run.
pub(crate) struct Draws {
    folder: PathBuf,
    settings: Settings,
}

impl Draws {
    pub(crate) fn open(folder: &Path, settings: Settings) -> Self {
        Self { folder: folder.to_owned(), settings }
    }

    /// Noise that pictures begin at; of every step the pictures, what their latents are drawn by, times and noise.
    fn prompts(&self, name: &str, lot: &Lot, count: usize, encoded: bool, file: &mut Tensors) {
        let Settings { batch, levels, steps, .. } = self.settings;
        let all: Vec<usize> = (0..count).collect();
        let mut initial = Vec::new();
        for (chunk, pictures) in all.chunks(A_LOT).enumerate() {
            let mut rng = lot.child("drawn").nth(chunk as u64).rng();
            initial.extend(self.normal(pictures.len(), &mut rng));
        }
        let (mut rows, mut times) = (Vec::new(), Vec::new());
        let (mut encoding, mut noise) = (Vec::new(), Vec::new());
        for step in 0..steps {
            let mut rng = lot.nth(step).rng();
            rows.extend((0..batch).filter_map(|_| all.choose(&mut rng).map(|&row| row as i64)));
            if encoded {
                encoding.extend(self.normal(batch, &mut rng));
            }
            times.extend((0..batch).map(|_| rng.random_range(0..levels) as i64));
            noise.extend(self.normal(batch, &mut rng));
        }
        file.floats(format!("{name}.initial"), self.shape(&[count]), &initial);
        file.whole(format!("{name}.rows"), vec![steps as usize, batch], &rows);
        file.whole(format!("{name}.times"), vec![steps as usize, batch], &times);
        if encoded {
            file.floats(
                format!("{name}.encoding"),
                self.shape(&[steps as usize, batch]),
                &encoding,
            );
        }
        file.floats(format!("{name}.noise"), self.shape(&[steps as usize, batch]), &noise);
    }

    /// Noise that samplings begin at; of every step the call that it looks at.
    fn trajectory(&self, name: &str, lot: &Lot, calls: usize, pairs: u64, file: &mut Tensors) {
        let Settings { batch, steps, .. } = self.settings;
        let (mut initial, mut call) = (Vec::new(), Vec::new());
        for step in 0..steps {
            if step.is_multiple_of(pairs) {
                let mut rng = lot.nth(step).rng();
                let _the_only_prompt = [0].choose(&mut rng);
                initial.extend(self.normal(batch, &mut rng));
            }
            call.push(lot.nth(step).child("level").rng().random_range(0..calls) as i64);
        }
        let samplings = steps.div_ceil(pairs) as usize;
        file.floats(format!("{name}.initial"), self.shape(&[samplings, batch]), &initial);
        file.whole(format!("{name}.call"), vec![steps as usize], &call);
    }

    fn normal(&self, rows: usize, rng: &mut Rng) -> Vec<f32> {
        let values = rows * self.settings.latents.iter().product::<usize>();
        (0..values).map(|_| rng.sample(StandardNormal)).collect()
    }

    fn shape(&self, outer: &[usize]) -> Vec<usize> {
        [outer, &self.settings.latents].concat()
    }
}

impl Run for Draws {
    fn run(&mut self) -> Result<()> {
        let stage = Lot::new(self.settings.seed).child(&self.settings.stage);
        let mut file = Tensors::default();
        for (name, source) in &self.settings.sources {
            let lot = stage.child(name);
            match *source {
                Source::Prompts { pictures, encoded } => {
                    self.prompts(name, &lot, pictures, encoded, &mut file);
                }
                Source::Trajectory { calls, pairs } => {
                    self.trajectory(name, &lot, calls, pairs, &mut file);
                }
            }
        }
        file.write(&self.folder.join("draws.safetensors"))
    }

    fn check(&mut self) -> Result<Vec<f32>> {
        bail!("random numbers are written down, not compared")
    }
}

/// Tensors of a safetensors file.
#[derive(Default)]
struct Tensors(BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>);

impl Tensors {
    fn floats(&mut self, name: String, shape: Vec<usize>, values: &[f32]) {
        self.0.insert(name, (Dtype::F32, shape, bytemuck::cast_slice(values).to_vec()));
    }

    fn whole(&mut self, name: String, shape: Vec<usize>, values: &[i64]) {
        self.0.insert(name, (Dtype::I64, shape, bytemuck::cast_slice(values).to_vec()));
    }

    fn write(&self, path: &Path) -> Result<()> {
        let views = self.0.iter().map(|(name, (dtype, shape, bytes))| {
            Ok((name, TensorView::new(*dtype, shape.clone(), bytes)?))
        });
        let views: Vec<_> = views.collect::<Result<_>>()?;
        safetensors::serialize_to_file(views, None, path).context("the draws cannot be written")
    }
}
