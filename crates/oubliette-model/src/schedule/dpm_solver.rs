//! DPM-Solver++ 2M: a second-order multistep solver in log-SNR (Lu et al. 2022, arXiv 2211.01095, algorithm 2).

use burn::tensor::Tensor;

use super::sigmas::{Sigmas, karras};
use super::{
    BetaSchedule, Entry, Prediction, Sampler, ScheduleConfig, Steps, checked_steps, spacing,
};
use crate::error::{Error, Result};

pub(super) const ENTRY: Entry =
    Entry { name: "dpm-solver++", class: "DPMSolverMultistepScheduler", build };

struct DpmSolver {
    times: Vec<f32>,
    /// Sigma at each call and after the last.
    sigmas: Vec<f32>,
    prediction: Prediction,
    second_order: bool,
    first_order_at_end: bool,
    heun: bool,
    /// The estimate of the clean latents at the call before.
    previous: Option<Tensor<4>>,
}

fn build(config: &ScheduleConfig, steps: Steps) -> Result<Box<dyn Sampler>> {
    let count = checked_steps(config, steps, 1)?;
    config.refuse_unsupported()?;
    // A scheduler folder of another class may carry `deis` here; diffusers reads it as dpmsolver++.
    ScheduleConfig::expect(
        "algorithm_type",
        config.algorithm_type.as_deref(),
        &["dpmsolver++", "deis"],
    )?;
    let solvers = ["midpoint", "heun", "logrho", "bh1", "bh2"];
    ScheduleConfig::expect("solver_type", config.solver_type.as_deref(), &solvers)?;
    ScheduleConfig::expect(
        "final_sigmas_type",
        config.final_sigmas_type.as_deref(),
        &["zero", "sigma_min"],
    )?;
    // A learned variance would be half of the model's output; the others are DDPM's and mean nothing here.
    ScheduleConfig::expect(
        "variance_type",
        config.variance_type.as_deref(),
        &["fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log"],
    )?;
    let order = config.solver_order.unwrap_or(2);
    if !(1..=2).contains(&order) {
        return Err(Error::setting(
            "solver_order",
            format!("is {order}"),
            "this solver knows orders 1 and 2",
        ));
    }
    let known = Sigmas::new(config);
    let (times, mut sigmas) = walk(config, &known, count)?;
    sigmas.push(known.last(config));
    let ends_clean = config.final_sigmas_type.as_deref() != Some("sigma_min");
    let short = config.lower_order_final.unwrap_or(true) && count < 15;
    Ok(Box::new(DpmSolver {
        times,
        sigmas,
        prediction: config.prediction(),
        second_order: order == 2,
        first_order_at_end: config.euler_at_final.unwrap_or(false) || short || ends_clean,
        heun: config.solver_type.as_deref() == Some("heun"),
        previous: None,
    }))
}

/// The times and sigmas of the calls.
fn walk(config: &ScheduleConfig, known: &Sigmas, count: usize) -> Result<(Vec<f32>, Vec<f32>)> {
    if config.use_karras_sigmas.unwrap_or(false) {
        let (min, max) = (known.values[0], known.values[known.values.len() - 1]);
        let sigmas = karras(f64::from(min), f64::from(max), count);
        let cosine = config.beta_schedule == Some(BetaSchedule::SquaredCosine);
        let time = |sigma: &f64| {
            let time = known.time_of(*sigma);
            (if cosine { time.trunc() } else { time.round_ties_even() }) as f32
        };
        return Ok((sigmas.iter().map(time).collect(), sigmas.iter().map(|s| *s as f32).collect()));
    }
    let least = config.lambda_min_clipped.unwrap_or(f32::NEG_INFINITY);
    // Lambda is the log of alpha over sigma, so minus the log of our sigma: times with less are not visited.
    let clipped = known.values.iter().filter(|sigma| -sigma.ln() < least).count();
    let last = (known.values.len() - clipped).max(1);
    let times = spacing::one_more(config, last, count)?;
    let sigmas = times.iter().map(|t| known.at(*t as f64) as f32).collect();
    Ok((times.iter().map(|t| *t as f32).collect(), sigmas))
}

/// Signal and noise level, and the log of their ratio, at a sigma.
fn level(sigma: f32) -> (f32, f32, f32) {
    let alpha = 1.0 / (sigma * sigma + 1.0).sqrt();
    let noise = sigma * alpha;
    (alpha, noise, alpha.ln() - noise.ln())
}

impl Sampler for DpmSolver {
    fn timesteps(&self) -> &[f32] {
        &self.times
    }

    fn step(
        &mut self,
        index: usize,
        output: Tensor<4>,
        x: Tensor<4>,
        _noise: Option<Tensor<4>>,
    ) -> Tensor<4> {
        let (alpha, noise, lambda) = level(self.sigmas[index]);
        let (alpha_to, noise_to, lambda_to) = level(self.sigmas[index + 1]);
        let clean = match self.prediction {
            Prediction::Epsilon => (x.clone() - output * noise) / alpha,
            Prediction::Velocity => x.clone() * alpha - output * noise,
            Prediction::Sample => output,
        };
        let h = lambda_to - lambda;
        let decay = (-h).exp() - 1.0;
        let base = x * (noise_to / noise) - clean.clone() * (alpha_to * decay);
        let previous = self.previous.replace(clean.clone()).filter(|_| self.second_order);
        let end = index + 1 == self.times.len() && self.first_order_at_end;
        let Some(previous) = previous.filter(|_| !end) else { return base };
        let (_, _, lambda_before) = level(self.sigmas[index - 1]);
        let slope = (clean - previous) * (h / (lambda - lambda_before));
        let weight = if self.heun { alpha_to * (decay / h + 1.0) } else { -0.5 * alpha_to * decay };
        base + slope * weight
    }
}
