//! The loss of a denoiser: how far its output is from what the schedule says it should be.

use burn::tensor::{DType, Tensor, TensorData};

use super::losses::mean_squared;
use crate::error::Result;
use crate::families::StableDiffusion;
use crate::schedule::NoiseSchedule;
use crate::weights::Weights;

/// Noisy latents and what the model should say about them.
#[derive(Clone, Debug)]
pub struct Noisy {
    /// Latents with noise, (batch, channels, height, width).
    pub x: Tensor<4>,
    /// The noise level of each.
    pub times: Vec<usize>,
    /// Noise, clean latents or velocity, as the schedule says.
    pub target: Tensor<4>,
}

impl Noisy {
    /// Adds `noise` of the given times to clean latents.
    pub fn new(
        schedule: &NoiseSchedule,
        clean: Tensor<4>,
        noise: Tensor<4>,
        times: Vec<usize>,
    ) -> Self {
        let x = schedule.add_noise(clean.clone(), noise.clone(), &times);
        let target = schedule.target(clean, noise, &times);
        Self { x, times, target }
    }
}

impl StableDiffusion {
    /// The noise schedule that the model is trained on.
    ///
    /// # Errors
    /// When the scheduler's config does not make one.
    pub fn noise_schedule(&self) -> Result<NoiseSchedule> {
        NoiseSchedule::new(&self.schedule)
    }

    /// The denoiser's output for whole-numbered times, in f32.
    pub fn predict_at(
        &self,
        weights: &Weights,
        x: Tensor<4>,
        times: &[usize],
        context: Tensor<3>,
    ) -> Tensor<4> {
        let values: Vec<f32> = times.iter().map(|time| *time as f32).collect();
        let times = Tensor::<1>::from_data(TensorData::new(values, [times.len()]), self.device());
        let dtype = weights.get("unet/conv_in.weight").map_or(DType::F32, crate::Weight::dtype);
        self.predict(weights, x.cast(dtype), times, context).cast(DType::F32)
    }

    /// The mean squared difference between the denoiser's output and its target: what diffusers' training scripts
    /// minimise.
    pub fn denoising_loss(
        &self,
        weights: &Weights,
        noisy: &Noisy,
        context: Tensor<3>,
    ) -> Tensor<1> {
        mean_squared(
            self.predict_at(weights, noisy.x.clone(), &noisy.times, context),
            noisy.target.clone(),
        )
    }
}
