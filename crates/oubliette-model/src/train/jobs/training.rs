//! The loop that all jobs share: batch, gradients, step, running average, checkpoint.

use burn::tensor::{Device, Tensor};
use oubliette_kernels::{AdamwSettings, AdamwState, adamw};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::recipe::Pace;
use super::state::State;
use super::workshop::Workshop;
use crate::error::{Error, Result};
use crate::weights::{Weight, Weights};

const MEAN_DECAY: f64 = 0.9;
const EPS: f64 = 1e-8;

/// The loss that is reported is averaged over about this many steps.
const SMOOTHED: f64 = 50.0;

/// Trains all of `start` and returns the weights to keep: the running average where the recipe asks for one. The batch
/// of a step depends on the recipe's seed and the step alone, so a resumed training takes the same steps as an
/// undisturbed one.
///
/// # Errors
/// What `batch` or `loss` return; the loss is not finite; the checkpoint cannot be read or written; the caller stopped.
pub(super) fn learn<B>(
    shop: &mut Workshop<'_>,
    start: Weights,
    mut batch: impl FnMut(&Workshop<'_>, &mut ChaCha8Rng) -> Result<B>,
    loss: impl Fn(&Weights, &B) -> Result<Tensor<1>>,
) -> Result<Weights> {
    if shop.examples.is_empty() {
        return Err(Error::setting("data", "has no examples", "give it some"));
    }
    let pace = shop.recipe.pace;
    let mut state = State::resume(shop, start)?;
    while state.step < pace.steps {
        let mut rng = ChaCha8Rng::seed_from_u64(shop.recipe.seed);
        rng.set_stream(state.step as u64);
        let batch = batch(shop, &mut rng)?;
        let (value, gradients) = value_and_gradients(&state.weights, |w| loss(w, &batch))?;
        if !value.is_finite() {
            let why = format!("lets the loss become {value} at step {}", state.step);
            return Err(Error::setting("pace.learning_rate", why, "choose a smaller one"));
        }
        step(&mut state, clipped(gradients, pace.clip_norm), &pace, &shop.device);
        let share = 1.0 / SMOOTHED.min(state.step as f64);
        state.loss += (value - state.loss) * share;
        let told = shop.tell("learning", state.step, pace.steps, Some(state.loss));
        if told.is_err() || state.step % pace.checkpoint == 0 || state.step == pace.steps {
            state.save(shop)?;
        }
        told?;
    }
    Ok(if pace.average > 0.0 { state.average } else { state.weights })
}

/// The loss and the gradient of every weight that it depends on.
fn value_and_gradients(
    weights: &Weights,
    loss: impl Fn(&Weights) -> Result<Tensor<1>>,
) -> Result<(f64, Weights)> {
    let leaves = weights.map(|_, weight| weight.require_grad());
    let value = loss(&leaves)?;
    let mut gradients = value.backward();
    let gradient = |(name, leaf): (&String, &Weight)| {
        Some((name.clone(), leaf.take_gradient(&mut gradients)?))
    };
    let gradients = leaves.iter().filter_map(gradient).collect();
    Ok((value.into_scalar::<f32>().into(), gradients))
}

/// Gradients shortened, all alike, so that together they are no longer than `most`.
fn clipped(gradients: Weights, most: f64) -> Weights {
    let squares = |weight: &Weight| -> f64 {
        weight.to_f32_vec().iter().map(|v| f64::from(*v) * f64::from(*v)).sum()
    };
    let norm = gradients.iter().map(|(_, weight)| squares(weight)).sum::<f64>().sqrt();
    if norm <= most {
        return gradients;
    }
    gradients
        .map(|_, weight| Weight::from_flat(weight.flat().mul_scalar(most / norm), weight.shape()))
}

/// One step of AdamW on every weight that has a gradient, and one of the running average.
fn step(state: &mut State, gradients: Weights, pace: &Pace, device: &Device) {
    let rate = pace.rate(state.step);
    state.step += 1;
    for (name, gradient) in gradients {
        let Some(weight) = state.weights.remove(&name) else { continue };
        let shape = weight.shape().to_vec();
        let moment = |kept: Option<Weight>| match kept {
            Some(kept) => kept.flat(),
            None => Tensor::zeros([gradient.len()], device),
        };
        let now = AdamwState {
            weight: weight.flat(),
            first: moment(state.first.remove(&name)),
            second: moment(state.second.remove(&name)),
        };
        drop(weight);
        // Norms and biases do not decay.
        let weight_decay = if shape.len() > 1 { pace.weight_decay } else { 0.0 };
        let betas = (MEAN_DECAY, pace.beta2);
        let settings = AdamwSettings { lr: rate, betas, eps: EPS, weight_decay, step: state.step };
        let next = adamw(now, gradient.flat(), &settings);
        state.first.insert(name.clone(), Weight::from_flat(next.first, &shape));
        state.second.insert(name.clone(), Weight::from_flat(next.second, &shape));
        state.weights.insert(name, Weight::from_flat(next.weight, &shape));
    }
    average(state, pace.average);
}

/// The average follows closely at first and with the full decay later on.
fn average(state: &mut State, decay: f64) {
    if decay == 0.0 {
        return;
    }
    let steps = state.step as f64;
    let decay = decay.min((1.0 + steps) / (10.0 + steps));
    let old = std::mem::take(&mut state.average);
    state.average = state.weights.map(|name, weight| match old.get(name) {
        None => weight.clone(),
        Some(old) => {
            let mean = old.flat().mul_scalar(decay) + weight.flat().mul_scalar(1.0 - decay);
            Weight::from_flat(mean, weight.shape())
        }
    });
}
