//! DDPM: ancestral sampling (Ho, Jain and Abbeel 2020, arXiv 2006.11239, equations 6 and 7).

use burn::tensor::Tensor;

use super::{
    Entry, Prediction, Sampler, ScheduleConfig, Steps, checked_steps, noise, origin, spacing,
};
use crate::error::Result;

pub(super) const ENTRY: Entry = Entry { name: "ddpm", class: "DDPMScheduler", build };

struct Ddpm {
    times: Vec<f32>,
    /// Cumulative alpha at each call and, one further, after the last.
    alphas: Vec<f32>,
    prediction: Prediction,
    clip: Option<f32>,
    variance: Variance,
}

/// Which variance the reverse step has.
#[derive(Clone, Copy)]
enum Variance {
    Small,
    Large,
}

fn build(config: &ScheduleConfig, steps: Steps) -> Result<Box<dyn Sampler>> {
    let count = checked_steps(config, steps, 1)?;
    config.refuse_unsupported()?;
    let known = ["fixed_small", "fixed_small_log", "fixed_large"];
    ScheduleConfig::expect("variance_type", config.variance_type.as_deref(), &known)?;
    let cumulative = noise::alphas_cumprod(
        &noise::betas(config),
        config.rescale_betas_zero_snr.unwrap_or(false),
    );
    let times = spacing::whole(config, count)?;
    let alphas = times.iter().map(|t| cumulative[*t]).chain([1.0]).collect();
    // `fixed_small_log` is the same number by way of its logarithm.
    let variance = match config.variance_type.as_deref() {
        Some("fixed_large") => Variance::Large,
        _ => Variance::Small,
    };
    let times = times.into_iter().map(|t| t as f32).collect();
    Ok(Box::new(Ddpm {
        times,
        alphas,
        prediction: config.prediction(),
        clip: config.clip(),
        variance,
    }))
}

impl Sampler for Ddpm {
    fn timesteps(&self) -> &[f32] {
        &self.times
    }

    fn takes_noise(&self, index: usize) -> bool {
        self.times[index] > 0.0
    }

    fn step(
        &mut self,
        index: usize,
        output: Tensor<4>,
        x: Tensor<4>,
        noise: Option<Tensor<4>>,
    ) -> Tensor<4> {
        let (alpha, before) = (self.alphas[index], self.alphas[index + 1]);
        let ratio = alpha / before;
        let (beta, spread, spread_before) = (1.0 - ratio, 1.0 - alpha, 1.0 - before);
        let mut clean = origin(self.prediction, output, x.clone(), alpha);
        if let Some(bound) = self.clip {
            clean = clean.clamp(-bound, bound);
        }
        let mean =
            clean * (before.sqrt() * beta / spread) + x * (ratio.sqrt() * spread_before / spread);
        let small = (spread_before / spread * beta).max(1e-20);
        let variance = match self.variance {
            Variance::Small => small,
            Variance::Large => beta,
        };
        match noise {
            Some(noise) => mean + noise * variance.sqrt(),
            None => mean,
        }
    }
}
