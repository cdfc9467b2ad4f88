//! Euler: the probability-flow ODE in sigma, one first-order step a call (Karras et al. 2022, arXiv 2206.00364, algorithm 2 without churn).

use burn::tensor::Tensor;

use super::sigmas::{Sigmas, karras};
use super::{Entry, Prediction, Sampler, ScheduleConfig, Spacing, Steps, checked_steps, spacing};
use crate::error::Result;

pub(super) const ENTRY: Entry = Entry { name: "euler", class: "EulerDiscreteScheduler", build };

struct Euler {
    times: Vec<f32>,
    sigmas: Vec<f32>,
    start: f32,
    prediction: Prediction,
}

fn build(config: &ScheduleConfig, steps: Steps) -> Result<Box<dyn Sampler>> {
    let count = checked_steps(config, steps, 1)?;
    config.refuse_unsupported()?;
    ScheduleConfig::expect(
        "interpolation_type",
        config.interpolation_type.as_deref(),
        &["linear"],
    )?;
    ScheduleConfig::expect("timestep_type", config.timestep_type.as_deref(), &["discrete"])?;
    ScheduleConfig::expect(
        "final_sigmas_type",
        config.final_sigmas_type.as_deref(),
        &["zero", "sigma_min"],
    )?;
    let known = Sigmas::new(config);
    let mut times = spacing::fractional(config, count)?;
    let mut sigmas: Vec<f64> = times.iter().map(|t| known.at(f64::from(*t))).collect();
    if config.use_karras_sigmas.unwrap_or(false) {
        let (max, min) =
            (config.sigma_max.unwrap_or(sigmas[0]), config.sigma_min.unwrap_or(sigmas[count - 1]));
        sigmas = karras(min, max, count);
        times = sigmas.iter().map(|sigma| known.time_of(*sigma) as f32).collect();
    }
    let sigmas: Vec<f32> = sigmas.iter().map(|s| *s as f32).chain([known.last(config)]).collect();
    Ok(Box::new(Euler {
        times,
        start: start(config, &sigmas),
        sigmas,
        prediction: config.prediction(),
    }))
}

/// The standard deviation of the first latents: all noise where the run starts at the last time, noise and signal else.
pub(super) fn start(config: &ScheduleConfig, sigmas: &[f32]) -> f32 {
    let largest = sigmas.iter().copied().fold(0.0, f32::max);
    match config.timestep_spacing.unwrap_or(Spacing::Linspace) {
        Spacing::Leading => (largest * largest + 1.0).sqrt(),
        Spacing::Linspace | Spacing::Trailing => largest,
    }
}

/// The estimate of the clean latents in sigma's coordinates.
pub(super) fn clean(
    prediction: Prediction,
    output: Tensor<4>,
    x: Tensor<4>,
    sigma: f32,
) -> Tensor<4> {
    let square = sigma * sigma + 1.0;
    match prediction {
        Prediction::Epsilon => x - output * sigma,
        Prediction::Velocity => output * (-sigma / square.sqrt()) + x / square,
        Prediction::Sample => output,
    }
}

impl Sampler for Euler {
    fn timesteps(&self) -> &[f32] {
        &self.times
    }

    fn start_scale(&self) -> f32 {
        self.start
    }

    fn scale_input(&self, index: usize, x: Tensor<4>) -> Tensor<4> {
        let sigma = self.sigmas[index];
        x / (sigma * sigma + 1.0).sqrt()
    }

    fn step(
        &mut self,
        index: usize,
        output: Tensor<4>,
        x: Tensor<4>,
        _noise: Option<Tensor<4>>,
    ) -> Tensor<4> {
        let (sigma, next) = (self.sigmas[index], self.sigmas[index + 1]);
        let slope = (x.clone() - clean(self.prediction, output, x.clone(), sigma)) / sigma;
        x + slope * (next - sigma)
    }
}
