//! The memory and the time that a plan is expected to take, from the model's size and timed forwards.
use crate::failure::Failure;
use burn::tensor::{DType, Tensor};
use oubliette_lab::lot::Lot;
use oubliette_lab::methods::Stage;
use oubliette_lab::run::{Context, Turn};
use oubliette_lab::training::Train;
use oubliette_model::Weights;
use oubliette_model::families::StableDiffusion;
use oubliette_model::train::{Copies, Estimate, TrainingShape, estimate};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

/// A backward pass costs about two forwards.
const FORWARDS_A_STEP: f64 = 3.0;

/// Forwards are timed for so long, but at least one.
const ENOUGH: Duration = Duration::from_millis(200);

/// What a run is expected to take.
#[derive(Debug, Serialize)]
pub(crate) struct Expectation {
    /// Bytes at the peak.
    memory_bytes: u64,
    /// Seconds, by timed forwards of the denoiser.
    seconds: f64,
    /// What the seconds leave out.
    #[serde(skip_serializing_if = "Option::is_none")]
    beside: Option<&'static str>,
    /// What training takes of the memory.
    #[serde(skip)]
    pub(crate) training: Estimate,
    /// Bytes for one more picture painted together with others.
    #[serde(skip)]
    pub(crate) picture: u64,
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = Duration::try_from_secs_f64(self.seconds.ceil()).unwrap_or(Duration::MAX);
        let time = indicatif::HumanDuration(time);
        write!(f, "memory {}\ntime about {time} on this machine", self.training)?;
        self.beside.map_or(Ok(()), |beside| write!(f, ", {beside}"))
    }
}

impl Expectation {
    /// One after the other.
    pub(crate) fn and(self, other: Self) -> Self {
        let seconds = self.seconds + other.seconds;
        let beside = self.beside.or(other.beside);
        let picture = self.picture.max(other.picture);
        let larger = if other.memory_bytes > self.memory_bytes { other } else { self };
        Self { seconds, beside, picture, ..larger }
    }
}

/// Work in the units that were timed.
#[derive(Default)]
pub(crate) struct Work {
    /// Pictures, with the denoising steps of each.
    pub(crate) sampled: (u64, u32),
    /// Training steps times their batch.
    pub(crate) trained: u64,
    /// Samples of a training step.
    pub(crate) batch: usize,
    /// Rank of the adapter that is trained, where one is.
    pub(crate) rank: Option<usize>,
}

/// A loaded model that was timed.
pub(crate) struct Yardstick {
    sd: StableDiffusion,
    /// Seconds for one row of one forward of the denoiser.
    row: f64,
    /// Whether training computes blocks again.
    pub(crate) recompute: bool,
}

impl Yardstick {
    /// Loads a model and times guided forwards; the first, which also warms up, does not count, and of a small model the fastest of several does.
    pub(crate) fn of(folder: &Path, context: &Context) -> Result<Yardstick, Failure> {
        let sd = StableDiffusion::load(folder, &context.options()?)?;
        forward(&sd)?;
        let (begun, mut fastest) = (Instant::now(), f64::INFINITY);
        while fastest.is_infinite() || begun.elapsed() < ENOUGH {
            let one = Instant::now();
            forward(&sd)?;
            fastest = fastest.min(one.elapsed().as_secs_f64());
        }
        let row = fastest / 2.0;
        Ok(Yardstick { sd, row, recompute: context.recompute })
    }

    /// The expectation for all that a method does.
    pub(crate) fn turns(&self, turns: &[Turn]) -> Result<Expectation, Failure> {
        let mut largest =
            self.memory(&self.sd.weights, &BTreeSet::new(), None, 1, Copies::default());
        let (mut forwards, mut trains) = (0.0, false);
        let mut weights = self.sd.weights.clone();
        for stage in turns.iter().flat_map(|turn| &turn.stages) {
            if let Stage::Attach(attach) = stage {
                weights.extend(attach.fresh(&self.sd.weights, Lot::new(0)));
            }
            let Some(train) = stage.training() else { continue };
            let (trained, rank) = match stage {
                Stage::Adapt(adapt) => (adapt.adapted(&weights)?, Some(adapt.rank)),
                _ => (train.mask.trainable(&weights)?, train.lora.map(|lora| lora.rank)),
            };
            let wanted = self.memory(&weights, &trained, rank, train.rows(), beside(train));
            largest = if wanted.total() > largest.total() { wanted } else { largest };
            forwards += train.forwards(self.step_cost());
            trains = true;
        }
        let beside =
            trains.then_some("and what anchor, mask or wrapper may add (the method's card says)");
        let seconds = forwards * self.row;
        Ok(Expectation { beside, seconds, ..self.expect(largest, &Work::default()) })
    }

    /// The expectation for training of `trainable` weights (none: nothing is trained) and sampling.
    pub(crate) fn work(&self, trainable: &BTreeSet<String>, work: &Work) -> Expectation {
        let batch = work.batch.max(1);
        self.expect(
            self.memory(&self.sd.weights, trainable, work.rank, batch, Copies::default()),
            work,
        )
    }

    /// The weights by name, for selecting those that are trained.
    pub(crate) fn weights(&self) -> &oubliette_model::Weights {
        &self.sd.weights
    }

    fn expect(&self, memory: Estimate, work: &Work) -> Expectation {
        let (pictures, steps) = work.sampled;
        // Guidance doubles the rows of sampling.
        let rows =
            2.0 * pictures as f64 * f64::from(steps) + self.step_cost() * work.trained as f64;
        Expectation {
            memory_bytes: memory.total(),
            seconds: rows * self.row,
            beside: None,
            training: memory,
            picture: self.sd.picture_bytes(),
        }
    }

    /// Forwards that a training step costs.
    fn step_cost(&self) -> f64 {
        FORWARDS_A_STEP + f64::from(u8::from(self.recompute))
    }

    fn memory(
        &self,
        weights: &Weights,
        trainable: &BTreeSet<String>,
        rank: Option<usize>,
        batch: usize,
        beside: Copies,
    ) -> Estimate {
        let [_, height, width] = latents(&self.sd);
        let shape = TrainingShape {
            batch,
            latent: (height, width),
            levels: self.sd.unet.config().block_out_channels.len(),
            tokens: self.sd.tokenizer.length(),
            recompute: self.recompute,
            rank,
            beside,
        };
        estimate(weights, trainable, &shape)
    }
}

/// What a stage holds of the trained weights beside gradient and moments.
fn beside(train: &Train) -> Copies {
    let average = u64::from(train.average.is_some());
    let mask = u64::from(train.mask.survey().is_some());
    Copies { held: train.copies(), exact: average + mask }
}

/// One forward of the denoiser on two rows.
fn forward(sd: &StableDiffusion) -> Result<(), Failure> {
    let [channels, height, width] = latents(sd);
    let context = sd.encode_prompts(&sd.weights, &[String::new(), String::new()])?;
    let options = (sd.device(), context.dtype());
    let latents = Tensor::<4>::zeros([2, channels, height, width], options);
    let times = Tensor::<1>::zeros([2], (sd.device(), DType::F32));
    // Reading the result waits for it on every device.
    sd.predict(&sd.weights, latents, times, context).into_data();
    Ok(())
}

/// Channels, height and width of the latents that the denoiser was made for.
fn latents(sd: &StableDiffusion) -> [usize; 3] {
    let config = sd.unet.config();
    let (height, width) = config.sample_size.unwrap_or((64, 64));
    [config.in_channels, height, width]
}
