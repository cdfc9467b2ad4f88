//! Loss and gradients by name of one batch, against PyTorch's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use oubliette_model::Weights;
use oubliette_model::families::StableDiffusion;
use oubliette_model::schedule::{Prediction, ScheduleConfig};
use oubliette_model::train::{Noisy, value_and_gradients};
use serde::Deserialize;

use crate::golden::{self, Tensors};

#[derive(Deserialize)]
struct Summary {
    prompts: Vec<String>,
    epsilon: Case,
    v_prediction: Case,
    sample: Case,
}

#[derive(Deserialize)]
struct Case {
    loss: f64,
    norms: BTreeMap<String, f64>,
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum::<f64>().sqrt()
}

fn values(weights: &Weights, name: &str) -> Vec<f64> {
    let weight = weights.get(name).unwrap_or_else(|| panic!("no gradient for {name}"));
    weight.to_f32_vec().into_iter().map(f64::from).collect()
}

fn gradients(
    sd: &StableDiffusion,
    golden: &Tensors,
    summary: &Summary,
    kind: Prediction,
) -> (f64, Weights) {
    let schedule = ScheduleConfig { prediction_type: Some(kind), ..sd.schedule.clone() };
    let schedule = oubliette_model::schedule::NoiseSchedule::new(&schedule).unwrap();
    let times = golden.numbers("t").into_iter().map(|t| t as usize).collect();
    let noisy = Noisy::new(&schedule, golden.floats("latents"), golden.floats("noise"), times);
    let trainable: BTreeSet<String> =
        sd.weights.names().filter(|name| !name.starts_with("vae/")).map(str::to_owned).collect();
    let loss = |weights: &Weights| {
        let context = sd.encode_prompts(weights, &summary.prompts)?;
        Ok(sd.denoising_loss(weights, &noisy, context))
    };
    value_and_gradients(&sd.weights, &trainable, loss).unwrap()
}

fn check(folder: &Path, name: &str) {
    let golden = Tensors::open(&format!("{name}.safetensors"));
    let summary: Summary = golden::json(&format!("{name}.json"));
    let sd = golden::load(folder);
    let cases = [
        ("epsilon", Prediction::Epsilon, &summary.epsilon),
        ("v_prediction", Prediction::Velocity, &summary.v_prediction),
        ("sample", Prediction::Sample, &summary.sample),
    ];
    for (kind, prediction, case) in cases {
        let (loss, found) = gradients(&sd, &golden, &summary, prediction);
        let off = (loss - case.loss).abs() / case.loss;
        println!("{name} {kind}: loss {loss}, off by {off:.1e}");
        assert!(off <= 1e-4);
        // Gradients that are zero but for rounding (a key's bias does not change a softmax) have no relative error.
        let largest = case.norms.values().copied().fold(0.0, f64::max);
        let mut worst = 0.0_f64;
        for (name, wanted) in &case.norms {
            let off = (norm(&values(&found, name)) - wanted).abs() / wanted.max(1e-4 * largest);
            assert!(off <= 1e-3, "{kind} {name}: norm off by {off}");
            worst = worst.max(off);
        }
        let prefix = format!("{kind}/");
        for key in golden.names() {
            let Some(name) = key.strip_prefix(&prefix) else { continue };
            let (found, wanted) = (values(&found, name), golden.numbers(&key));
            let differences: Vec<f64> = found.iter().zip(&wanted).map(|(a, b)| a - b).collect();
            let off = norm(&differences) / norm(&wanted).max(1e-4 * largest);
            assert!(off <= 1e-3, "{kind} {name}: off by {off}");
            worst = worst.max(off);
        }
        println!("{name} {kind}: gradients off by at most {worst:.1e} of their norm");
    }
}

#[test]
fn tiny_models() {
    check(&golden::path("tiny-sd1"), "of-tiny-sd1/training");
    check(&golden::path("tiny-sd2"), "of-tiny-sd2/training");
}

#[test]
fn a_trained_model() {
    let Some(models) = golden::models() else { return };
    check(&models.join("emoji-sd"), "of-emoji-sd/training");
}

#[test]
fn computing_blocks_again_changes_roundings_only() {
    let golden = Tensors::open("of-tiny-sd1/training.safetensors");
    let summary: Summary = golden::json("of-tiny-sd1/training.json");
    let run = |recompute| {
        let mut sd = golden::load(&golden::path("tiny-sd1"));
        sd.unet = sd.unet.recomputing(recompute);
        gradients(&sd, &golden, &summary, Prediction::Epsilon)
    };
    let ((loss, kept), (same, again)) = (run(false), run(true));
    assert_eq!(loss, same);
    let largest = kept.names().map(|name| norm(&values(&kept, name))).fold(0.0, f64::max);
    for name in kept.names() {
        let (kept, again) = (values(&kept, name), values(&again, name));
        let off: Vec<f64> = kept.iter().zip(&again).map(|(a, b)| a - b).collect();
        // What a norm or a softmax takes out again has a gradient of roundings alone.
        assert!(norm(&off) <= 1e-5 * norm(&kept).max(0.1 * largest), "{name}");
    }
}
