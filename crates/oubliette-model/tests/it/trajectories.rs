//! 20 steps of every sampler and configuration, state by state.

use std::path::Path;

use burn::tensor::Tensor;
use oubliette_model::schedule::{ScheduleConfig, Steps};
use serde::Deserialize;
use serde_json::Value;

use crate::golden::{self, NEAR, Tensors, near};

#[derive(Deserialize)]
struct Case {
    config: Value,
    timesteps: Vec<f64>,
}

/// What stands in the place of the network: bends, and depends on time.
fn model(x: Tensor<4>, t: f32) -> Tensor<4> {
    (x * 1.7 + t / 300.0).sin() * 0.9
}

#[test]
fn every_configuration_walks_as_diffusers_does() {
    let tensors = Tensors::open("trajectories.safetensors");
    let noise = tensors.floats::<5>("noise");
    for (index, case) in golden::json::<Vec<Case>>("trajectories.json").into_iter().enumerate() {
        let text = case.config.to_string();
        let config =
            ScheduleConfig::parse(text.as_bytes(), Path::new("scheduler_config.json")).unwrap();
        let steps = Steps { count: 20, eta: 0.0 };
        let mut sampler = (config.sampler().unwrap().build)(&config, steps).unwrap();
        near(&format!("times of {text}"), sampler.timesteps(), &case.timesteps, 1e-6);
        let wanted = tensors.floats::<5>(&format!("states.{index}"));
        let row = |all: &Tensor<5>, i: usize| all.clone().narrow(0, i, 1).squeeze_dim::<4>(0);
        let mut x = tensors.floats::<4>("start") * sampler.start_scale();
        let mut calls = 0;
        for step in 0..=sampler.timesteps().len() {
            let found: Vec<f32> = x.to_data().try_into_vec().unwrap();
            let golden: Vec<f32> = row(&wanted, step).into_data().try_into_vec().unwrap();
            let golden: Vec<f64> = golden.into_iter().map(f64::from).collect();
            near(&format!("state {step} of {text}"), &found, &golden, NEAR);
            let Some(&t) = sampler.timesteps().get(step) else { break };
            let output = model(sampler.scale_input(step, x.clone()), t);
            let fresh = sampler.takes_noise(step).then(|| {
                calls += 1;
                row(&noise, calls - 1)
            });
            x = sampler.step(step, output, x, fresh);
        }
    }
}
