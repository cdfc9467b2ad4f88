//! A training run as a value: step, save, resume.

use std::collections::BTreeSet;
use std::path::Path;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::checkpoint::Checkpoint;
use super::clip::{clip_global_norm, global_norm};
use super::ema::Ema;
use super::gradients::{Accumulator, value_and_gradients};
use super::{LearningRate, Optimiser, Settings, StepRandom};
use crate::error::{Error, Result};
use crate::weights::Weights;

/// How a run trains.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainerSettings {
    /// The seed that everything random in the run comes from.
    pub seed: u64,
    /// The optimiser's numbers.
    pub optimiser: Settings,
    /// How the learning rate moves.
    pub schedule: LearningRate,
    /// Micro-batches whose gradients make one step.
    pub accumulation: u64,
    /// The largest norm of all gradients together, where there is one.
    pub clip_norm: Option<f64>,
    /// The decay of the average of the weights, where there is one.
    pub ema_decay: Option<f64>,
}

impl Default for TrainerSettings {
    fn default() -> Self {
        Self {
            seed: 0,
            optimiser: Settings::default(),
            schedule: LearningRate::Constant,
            accumulation: 1,
            clip_norm: Some(1.0),
            ema_decay: None,
        }
    }
}

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// The step, counted from 0.
    pub step: u64,
    /// The mean loss of the micro-batches.
    pub loss: f64,
    /// The norm of all gradients before clipping.
    pub gradient_norm: f64,
    /// The learning rate of this step.
    pub learning_rate: f64,
}

/// A run between two steps.
#[derive(Clone, Debug)]
pub struct Trainer {
    settings: TrainerSettings,
    run: String,
    weights: Weights,
    trainable: BTreeSet<String>,
    optimiser: Optimiser,
    ema: Option<Ema>,
    step: u64,
}

impl Trainer {
    /// A run from its beginning. `run` is a digest of all that decides its course: model, data, settings.
    pub fn new(
        settings: TrainerSettings,
        run: impl Into<String>,
        weights: Weights,
        trainable: BTreeSet<String>,
    ) -> Self {
        let ema = settings.ema_decay.map(|decay| Ema::new(decay, weights.only(&trainable)));
        let optimiser = Optimiser::new(settings.optimiser);
        Self { settings, run: run.into(), weights, trainable, optimiser, ema, step: 0 }
    }

    /// All weights, the trained ones as they are now.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The weights that the run is for: the average where there is one.
    pub fn result(&self) -> Weights {
        match &self.ema {
            Some(ema) => self.weights.overlaid(&ema.weights(&self.weights)),
            None => self.weights.clone(),
        }
    }

    /// Steps that are done.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// One step. `loss` is called for every micro-batch with the weights and with that micro-batch's random numbers.
    ///
    /// # Errors
    /// When the loss fails, or is no longer a finite number.
    pub fn step(
        &mut self,
        mut loss: impl FnMut(&Weights, &StepRandom) -> Result<Tensor<1>>,
    ) -> Result<Report> {
        let micro_batches = self.settings.accumulation.max(1);
        let (mut total, mut gradients) = (0.0, Accumulator::default());
        for micro in 0..micro_batches {
            let random = StepRandom::new(self.settings.seed, self.step * micro_batches + micro);
            let of = |weights: &Weights| loss(weights, &random);
            let (value, found) = value_and_gradients(&self.weights, &self.trainable, of)?;
            total += value;
            gradients.add(found);
        }
        let loss = total / micro_batches as f64;
        let gradients = gradients.take().unwrap_or_default();
        let (norm, gradients) = match self.settings.clip_norm {
            Some(max) => clip_global_norm(gradients, max),
            None => (global_norm(&gradients), gradients),
        };
        if !(loss.is_finite() && norm.is_finite()) {
            return Err(Error::Diverged {
                step: self.step + 1,
                loss,
                gradient_norm: norm,
                learning_rate: self.settings.optimiser.lr,
            });
        }
        Ok(self.take(loss, norm, &gradients))
    }

    /// Steps with gradients that were found elsewhere (combined, masked, searched for).
    pub fn take(&mut self, loss: f64, gradient_norm: f64, gradients: &Weights) -> Report {
        let factor = self.settings.schedule.factor(self.step);
        self.optimiser.step(&mut self.weights, gradients, factor);
        if let Some(ema) = &mut self.ema {
            ema.update(&self.weights);
        }
        let learning_rate = self.settings.optimiser.lr * factor;
        let report = Report { step: self.step, loss, gradient_norm, learning_rate };
        self.step += 1;
        report
    }

    /// Writes the run's state, so that [`Trainer::resume`] goes on with the same bits.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let checkpoint = Checkpoint {
            run: self.run.clone(),
            step: self.step,
            weights: self.weights.only(&self.trainable),
            optimiser: self.optimiser.clone(),
            ema: self.ema.clone(),
        };
        checkpoint.save(path)
    }

    /// Takes the run up where the checkpoint left it; without a checkpoint nothing changes. Says whether there was one.
    ///
    /// # Errors
    /// When the checkpoint is damaged or belongs to another run.
    pub fn resume(&mut self, path: &Path) -> Result<bool> {
        let like = self.weights.only(&self.trainable);
        let found = Checkpoint::load(
            path,
            &self.run,
            &like,
            Optimiser::new(self.settings.optimiser),
            self.ema.clone(),
        )?;
        let Some(checkpoint) = found else { return Ok(false) };
        self.weights.extend(checkpoint.weights);
        (self.optimiser, self.ema, self.step) =
            (checkpoint.optimiser, checkpoint.ema, checkpoint.step);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::Weight;
    use burn::tensor::{DType, Device};

    fn begin(settings: TrainerSettings) -> Trainer {
        let weight = Weight::from_f32(
            vec![0.3, -0.2, 0.1, 0.7, 0.5, -0.9],
            &[2, 3],
            &Device::flex(),
            DType::F32,
        );
        let frozen = Weight::from_f32(vec![1.0, 2.0], &[2], &Device::flex(), DType::F32);
        let weights: Weights =
            [("a/w".to_owned(), weight), ("a/b".to_owned(), frozen)].into_iter().collect();
        Trainer::new(settings, "run", weights, BTreeSet::from(["a/w".to_owned()]))
    }

    fn loss(weights: &Weights, random: &StepRandom) -> Result<Tensor<1>> {
        let x = random.noise("x", [4, 3], &Device::flex());
        let scope = weights.scope("a");
        let y = x.clone().matmul(scope.tensor::<2>("w").transpose())
            + scope.tensor::<1>("b").unsqueeze::<2>();
        Ok((y - x.sum_dim(1)).powi_scalar(2).mean())
    }

    fn bits(trainer: &Trainer) -> Vec<u32> {
        let result = trainer.result();
        result.iter().flat_map(|(_, w)| w.to_f32_vec()).map(f32::to_bits).collect()
    }

    #[test]
    fn a_resumed_run_has_the_same_bits() {
        let settings = TrainerSettings {
            accumulation: 2,
            ema_decay: Some(0.9),
            schedule: LearningRate::Cosine { warmup: 3, total: 10 },
            optimiser: Settings { lr: 0.05, ..Settings::default() },
            ..TrainerSettings::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.safetensors");
        let mut whole = begin(settings);
        for _ in 0..10 {
            whole.step(loss).unwrap();
        }
        let mut half = begin(settings);
        for _ in 0..4 {
            half.step(loss).unwrap();
        }
        half.save(&path).unwrap();
        let mut resumed = begin(settings);
        assert!(resumed.resume(&path).unwrap());
        for _ in 0..6 {
            resumed.step(loss).unwrap();
        }
        assert_eq!(bits(&whole), bits(&resumed));
        assert_eq!(whole.weights().get("a/b").unwrap().to_f32_vec(), [1.0, 2.0]);
    }

    #[test]
    fn another_runs_checkpoint_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.safetensors");
        let mut trainer = begin(TrainerSettings::default());
        assert!(!trainer.resume(&path).unwrap());
        trainer.save(&path).unwrap();
        trainer.run = "another".to_owned();
        assert!(trainer.resume(&path).unwrap_err().to_string().contains("another run"));
    }

    #[test]
    fn what_diverges_says_so_and_names_the_recipes_key() {
        let mut trainer = begin(TrainerSettings {
            optimiser: Settings { lr: 1e30, ..Settings::default() },
            ..TrainerSettings::default()
        });
        let error = (0..10).find_map(|_| trainer.step(loss).err()).unwrap();
        assert_eq!(error.code(), "diverged");
        assert!(error.to_string().contains("; lower `pace.learning_rate` (now 1e30)"), "{error}");
    }

    #[test]
    fn training_lowers_the_loss() {
        let mut trainer = begin(TrainerSettings {
            optimiser: Settings { lr: 0.05, ..Settings::default() },
            ..Default::default()
        });
        let first = trainer.step(loss).unwrap().loss;
        let last = (0..100).map(|_| trainer.step(loss).unwrap().loss).last().unwrap();
        // The frozen bias cannot be undone; it costs 2.5.
        assert!(first > 3.0 && last < 2.8, "{first} then {last}");
    }
}
