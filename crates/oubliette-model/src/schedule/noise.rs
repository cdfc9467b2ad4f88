//! The forward process: how much noise there is at each time, noising, and what the model is trained to say.

use burn::tensor::{Tensor, TensorData};

use super::{BetaSchedule, Prediction, ScheduleConfig};
use crate::error::{Error, Result};

/// The cumulative alphas of a schedule and what its model predicts.
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseSchedule {
    alphas_cumprod: Vec<f32>,
    prediction: Prediction,
}

impl NoiseSchedule {
    /// The schedule that a model is trained on.
    ///
    /// # Errors
    /// When the betas do not make a schedule (all alphas must be finite, within 0..=1).
    pub fn new(config: &ScheduleConfig) -> Result<Self> {
        let rescale = config.rescale_betas_zero_snr.unwrap_or(false);
        let alphas_cumprod = alphas_cumprod(&betas(config), rescale);
        if alphas_cumprod.iter().any(|alpha| !(0.0..=1.0).contains(alpha)) {
            return Err(Error::setting(
                "betas",
                "do not make a noise schedule",
                "give betas between 0 and 1",
            ));
        }
        Ok(Self { alphas_cumprod, prediction: config.prediction() })
    }

    /// How many noise levels there are; times run from 0 (least noise) to this, exclusive.
    pub fn len(&self) -> usize {
        self.alphas_cumprod.len()
    }

    /// Never: a schedule has at least one level.
    pub fn is_empty(&self) -> bool {
        self.alphas_cumprod.is_empty()
    }

    /// The cumulative product of alphas, by time.
    pub fn alphas_cumprod(&self) -> &[f32] {
        &self.alphas_cumprod
    }

    /// What the model predicts.
    pub fn prediction(&self) -> Prediction {
        self.prediction
    }

    /// Clean latents with noise of time `times[i]` on sample i: `sqrt(ᾱ) clean + sqrt(1−ᾱ) noise`.
    ///
    /// # Panics
    /// When there are not as many times as samples, or a time lies outside the schedule.
    pub fn add_noise(&self, clean: Tensor<4>, noise: Tensor<4>, times: &[usize]) -> Tensor<4> {
        let (signal, spread) = self.levels(times, &clean);
        clean * signal + noise * spread
    }

    /// What the model should say about such a sample.
    ///
    /// # Panics
    /// As [`NoiseSchedule::add_noise`].
    pub fn target(&self, clean: Tensor<4>, noise: Tensor<4>, times: &[usize]) -> Tensor<4> {
        match self.prediction {
            Prediction::Epsilon => noise,
            Prediction::Sample => clean,
            Prediction::Velocity => {
                let (signal, spread) = self.levels(times, &clean);
                noise * signal - clean * spread
            }
        }
    }

    /// `sqrt(ᾱ)` and `sqrt(1−ᾱ)` as (batch, 1, 1, 1), on the device of `like`.
    fn levels(&self, times: &[usize], like: &Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        assert_eq!(times.len(), like.dims()[0], "one time a sample");
        let column = |level: fn(f32) -> f32| {
            let values: Vec<f32> = times.iter().map(|&t| level(self.alphas_cumprod[t])).collect();
            Tensor::<4>::from_data(
                TensorData::new(values, [times.len(), 1, 1, 1]),
                (&like.device(), like.dtype()),
            )
        };
        (column(|alpha| alpha.sqrt()), column(|alpha| (1.0 - alpha).sqrt()))
    }
}

/// The betas of a config, in the precision diffusers computes them in.
pub(super) fn betas(config: &ScheduleConfig) -> Vec<f32> {
    if let Some(betas) = &config.trained_betas {
        return betas.clone();
    }
    let count = config.train_timesteps();
    let (start, end) = (config.beta_start.unwrap_or(1e-4), config.beta_end.unwrap_or(0.02));
    match config.beta_schedule.unwrap_or(BetaSchedule::Linear) {
        BetaSchedule::Linear => linspace(start, end, count),
        BetaSchedule::ScaledLinear => {
            linspace(start.sqrt(), end.sqrt(), count).into_iter().map(|b| b * b).collect()
        }
        BetaSchedule::SquaredCosine => betas_for(count, |t| {
            let angle = (t + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2;
            angle.cos().powi(2)
        }),
        BetaSchedule::Laplace => betas_for(count, |t| {
            let lambda = -0.5 * (0.5 - t).signum() * (1.0 - 2.0 * (0.5 - t).abs() + 1e-6).ln();
            let snr = lambda.exp();
            (snr / (1.0 + snr)).sqrt()
        }),
        BetaSchedule::Sigmoid => {
            let spread = (end - start) as f32;
            let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
            linspace(-6.0, 6.0, count)
                .into_iter()
                .map(|x| sigmoid(x) * spread + start as f32)
                .collect()
        }
    }
}

/// The cumulative products of `1 − beta`, optionally rescaled so that the last one is zero (arXiv 2305.08891, algorithm 1).
pub(super) fn alphas_cumprod(betas: &[f32], zero_terminal_snr: bool) -> Vec<f32> {
    let product = |betas: &[f32]| {
        // Accumulated in f64 and rounded at each step, as PyTorch's cumprod does.
        let products = betas.iter().scan(1f64, |product, beta| {
            *product *= f64::from(1.0 - beta);
            Some(*product as f32)
        });
        products.collect::<Vec<f32>>()
    };
    let alphas = product(betas);
    if !zero_terminal_snr || alphas.len() < 2 {
        return alphas;
    }
    let roots: Vec<f32> = alphas.iter().map(|alpha| alpha.sqrt()).collect();
    let (first, last) = (roots[0], roots[roots.len() - 1]);
    let rescaled = roots.iter().map(|root| (root - last) * (first / (first - last)));
    let squares: Vec<f32> = rescaled.map(|root| root * root).collect();
    let ratios = squares.windows(2).map(|pair| pair[1] / pair[0]);
    let betas: Vec<f32> =
        std::iter::once(squares[0]).chain(ratios).map(|alpha| 1.0 - alpha).collect();
    product(&betas)
}

/// Betas that give the cumulative alpha `bar(t)` for t in 0..=1, each at most 0.999.
fn betas_for(count: usize, bar: impl Fn(f64) -> f64) -> Vec<f32> {
    let time = |i: usize| i as f64 / count as f64;
    (0..count).map(|i| (1.0 - bar(time(i + 1)) / bar(time(i))).min(0.999) as f32).collect()
}

/// PyTorch's `linspace` in f32, which counts from both ends.
fn linspace(start: f64, end: f64, count: usize) -> Vec<f32> {
    let (start, end) = (start as f32, end as f32);
    if count < 2 {
        return vec![start; count];
    }
    let step = (end - start) / (count - 1) as f32;
    let at = |i: usize| {
        if i < count / 2 { start + step * i as f32 } else { end - step * (count - 1 - i) as f32 }
    };
    (0..count).map(at).collect()
}
