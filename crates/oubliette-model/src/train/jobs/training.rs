//! The loop that all jobs share: a step, a checkpoint now and then, and the weights to keep.

use std::collections::BTreeSet;
use std::fs;

use burn::tensor::Tensor;
use sha2::{Digest, Sha256};

use super::recipe::{Pace, TrainRecipe};
use super::workshop::Workshop;
use crate::error::{Error, Result};
use crate::train::{LearningRate, Settings, StepRandom, Trainer, TrainerSettings};
use crate::weights::Weights;

/// The loss that is reported is averaged over about this many steps.
const SMOOTHED: f64 = 50.0;

/// Trains all of `start` and returns the weights to keep: the running average where the recipe asks for one.
///
/// # Errors
/// What `batch` or `loss` return; the loss is not finite; the checkpoint cannot be read or written; the caller stopped.
pub(super) fn learn<B>(
    shop: &mut Workshop<'_>,
    start: Weights,
    batch: impl Fn(&Workshop<'_>, &StepRandom) -> Result<B>,
    loss: impl Fn(&Weights, &B) -> Result<Tensor<1>>,
) -> Result<Weights> {
    if shop.examples.is_empty() {
        return Err(Error::setting("data", "has no examples", "give it some"));
    }
    let (pace, checkpoint) = (shop.recipe.pace, shop.checkpoint());
    let trainable: BTreeSet<String> = start.names().map(str::to_owned).collect();
    let mut trainer = Trainer::new(settings(shop.recipe), digest(shop)?, start, trainable);
    trainer.resume(&checkpoint)?;
    let (mut mean, mut seen) = (0.0, 0.0);
    while trainer.steps() < pace.steps {
        let report = trainer.step(|weights, random| loss(weights, &batch(shop, random)?))?;
        seen = SMOOTHED.min(seen + 1.0);
        mean += (report.loss - mean) / seen;
        let done = trainer.steps();
        let told = shop.tell("learning", done, pace.steps, Some(mean));
        if told.is_err() || done.is_multiple_of(pace.checkpoint) || done == pace.steps {
            trainer.save(&checkpoint)?;
        }
        told?;
    }
    Ok(trainer.result())
}

/// The recipe's pace in the trainer's words.
fn settings(recipe: &TrainRecipe) -> TrainerSettings {
    let Pace { steps, learning_rate, warm_up, weight_decay, beta2, clip_norm, average, .. } =
        recipe.pace;
    TrainerSettings {
        seed: recipe.seed,
        optimiser: Settings {
            lr: learning_rate,
            betas: (0.9, beta2),
            weight_decay,
            ..Settings::default()
        },
        schedule: LearningRate::Cosine { warmup: warm_up, total: steps },
        clip_norm: Some(clip_norm),
        ema_decay: (average > 0.0).then_some(average),
        ..TrainerSettings::default()
    }
}

/// What a checkpoint must have in common with the run that goes on from it: the recipe, what that builds on, the device, this program.
fn digest(shop: &Workshop<'_>) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(serde_json::to_string(shop.recipe).expect("a recipe is JSON"));
    let program = env!("CARGO_PKG_VERSION");
    hash.update(format!("{program} {:?} {}", shop.device, oubliette_kernels::describe()));
    for path in shop.foundations()? {
        hash.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        hash.update(Sha256::digest(fs::read(&path).map_err(Error::read(&path))?));
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
