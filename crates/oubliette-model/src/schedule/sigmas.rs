//! Noise levels as `sigma = sqrt((1−ᾱ)/ᾱ)`, the coordinate of DPM-Solver and the Euler samplers.

use super::{ScheduleConfig, noise};

/// The sigma of every training time, ascending.
pub(super) struct Sigmas {
    pub values: Vec<f32>,
    logs: Vec<f32>,
}

impl Sigmas {
    pub(super) fn new(config: &ScheduleConfig) -> Self {
        let rescale = config.rescale_betas_zero_snr.unwrap_or(false);
        let mut alphas = noise::alphas_cumprod(&noise::betas(config), rescale);
        if let (true, Some(last)) = (rescale, alphas.last_mut()) {
            // Zero signal would be an infinite sigma; diffusers takes the smallest normal half-precision number.
            *last = (-24f32).exp2();
        }
        let values: Vec<f32> = alphas.iter().map(|alpha| ((1.0 - alpha) / alpha).sqrt()).collect();
        let logs = values.iter().map(|sigma| sigma.ln()).collect();
        Self { values, logs }
    }

    /// The sigma at a time between two training times, by linear interpolation.
    pub(super) fn at(&self, time: f64) -> f64 {
        let low = (time as usize).min(self.values.len() - 1);
        let high = (low + 1).min(self.values.len() - 1);
        let (a, b) = (f64::from(self.values[low]), f64::from(self.values[high]));
        a + (b - a) * (time - low as f64)
    }

    /// The time at which a sigma occurs, by interpolation in the logarithm.
    pub(super) fn time_of(&self, sigma: f64) -> f64 {
        let log = sigma.max(1e-10).ln();
        let below = self.logs.iter().rposition(|known| log >= f64::from(*known)).unwrap_or(0);
        let low = below.min(self.logs.len().saturating_sub(2));
        let high = (low + 1).min(self.logs.len() - 1);
        let (a, b) = (f64::from(self.logs[low]), f64::from(self.logs[high]));
        let share = ((a - log) / (a - b)).clamp(0.0, 1.0);
        (1.0 - share) * low as f64 + share * high as f64
    }

    /// The sigma after the last step.
    pub(super) fn last(&self, config: &ScheduleConfig) -> f32 {
        match config.final_sigmas_type.as_deref() {
            Some("sigma_min") => self.values[0],
            _ => 0.0,
        }
    }
}

/// Sigmas from `max` to `min` spaced as in Karras et al. 2022, equation 5, with rho 7.
pub(super) fn karras(min: f64, max: f64, count: usize) -> Vec<f64> {
    let (low, high) = (min.powf(1.0 / 7.0), max.powf(1.0 / 7.0));
    let ramp = |i: usize| if count > 1 { i as f64 / (count - 1) as f64 } else { 0.0 };
    (0..count).map(|i| (high + ramp(i) * (low - high)).powi(7)).collect()
}
