//! Euler ancestral: an Euler step to a lower sigma, then fresh noise back up (k-diffusion's `sample_euler_ancestral`).

use burn::tensor::Tensor;

use super::sigmas::Sigmas;
use super::{Entry, Prediction, Sampler, ScheduleConfig, Steps, checked_steps, euler, spacing};
use crate::error::{Error, Result};

pub(super) const ENTRY: Entry =
    Entry { name: "euler-ancestral", class: "EulerAncestralDiscreteScheduler", build };

struct EulerAncestral {
    times: Vec<f32>,
    sigmas: Vec<f32>,
    start: f32,
    prediction: Prediction,
}

fn build(config: &ScheduleConfig, steps: Steps) -> Result<Box<dyn Sampler>> {
    let count = checked_steps(config, steps, 1)?;
    config.refuse_unsupported()?;
    if config.prediction() == Prediction::Sample {
        return Err(Error::setting(
            "sampler",
            "`euler-ancestral` does not run models that predict the clean sample",
            "sample with euler, ddim or ddpm",
        ));
    }
    let known = Sigmas::new(config);
    let times = spacing::fractional(config, count)?;
    let sigmas: Vec<f32> =
        times.iter().map(|t| known.at(f64::from(*t)) as f32).chain([0.0]).collect();
    Ok(Box::new(EulerAncestral {
        times,
        start: euler::start(config, &sigmas),
        sigmas,
        prediction: config.prediction(),
    }))
}

impl Sampler for EulerAncestral {
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

    fn takes_noise(&self, _index: usize) -> bool {
        true
    }

    fn step(
        &mut self,
        index: usize,
        output: Tensor<4>,
        x: Tensor<4>,
        noise: Option<Tensor<4>>,
    ) -> Tensor<4> {
        let (sigma, next) = (self.sigmas[index], self.sigmas[index + 1]);
        let up = (next * next * (sigma * sigma - next * next) / (sigma * sigma)).sqrt();
        let down = (next * next - up * up).sqrt();
        let slope = (x.clone() - euler::clean(self.prediction, output, x.clone(), sigma)) / sigma;
        let x = x + slope * (down - sigma);
        match noise {
            Some(noise) => x + noise * up,
            None => x,
        }
    }
}
