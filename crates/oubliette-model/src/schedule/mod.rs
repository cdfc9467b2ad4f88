//! Noise schedules and the samplers that walk them: one file a sampler, one line in [`ALL`].

mod config;
mod ddim;
mod ddpm;
mod dpm_solver;
mod euler;
mod euler_ancestral;
mod noise;
mod pndm;
mod sigmas;
mod spacing;

use burn::tensor::Tensor;

pub use config::{BetaSchedule, Prediction, ScheduleConfig, Spacing};
pub use noise::NoiseSchedule;

use crate::error::{Error, Result};

/// A way from noise to a picture, one model call a step. Made for one run of fixed length; it may keep
/// earlier model outputs, so every run needs a fresh one.
pub trait Sampler {
    /// The time given to the model at each call, in the order of the calls (PNDM calls more often than it has steps).
    fn timesteps(&self) -> &[f32];

    /// The standard deviation of the first latents; unit noise is multiplied by it.
    fn start_scale(&self) -> f32 {
        1.0
    }

    /// What the model is shown at call `index` instead of `x`.
    fn scale_input(&self, _index: usize, x: Tensor<4>) -> Tensor<4> {
        x
    }

    /// Whether call `index` adds fresh unit noise.
    fn takes_noise(&self, _index: usize) -> bool {
        false
    }

    /// The latents after call `index`, from the model's output and the latents before. `noise` is given where
    /// [`Sampler::takes_noise`] says so.
    fn step(
        &mut self,
        index: usize,
        output: Tensor<4>,
        x: Tensor<4>,
        noise: Option<Tensor<4>>,
    ) -> Tensor<4>;
}

/// How long a run is, and how random.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steps {
    /// Denoising steps.
    pub count: usize,
    /// DDIM's share of fresh noise: 0 is deterministic, 1 is as random as DDPM. The others do not read it.
    pub eta: f32,
}

/// One sampler of the list.
pub struct Entry {
    /// The name on the command line.
    pub name: &'static str,
    /// The diffusers class whose `scheduler_config.json` it runs.
    pub class: &'static str,
    /// Builds it for one run.
    pub build: fn(&ScheduleConfig, Steps) -> Result<Box<dyn Sampler>>,
}

/// Every sampler, by name.
pub const ALL: &[Entry] = &[
    ddim::ENTRY,
    ddpm::ENTRY,
    dpm_solver::ENTRY,
    euler::ENTRY,
    euler_ancestral::ENTRY,
    pndm::ENTRY,
];

/// The sampler of that name, or of that diffusers class.
///
/// # Errors
/// When there is none.
pub fn find(name: &str) -> Result<&'static Entry> {
    let names: Vec<_> = ALL.iter().map(|entry| entry.name).collect();
    ALL.iter().find(|entry| entry.name == name || entry.class == name).ok_or_else(|| {
        Error::setting(
            "sampler",
            format!("`{name:.60}` is not in the list"),
            format!("choose one of {}", names.join(", ")),
        )
    })
}

/// The step count, where the schedule can be walked in that many steps.
fn checked_steps(config: &ScheduleConfig, steps: Steps, least: usize) -> Result<usize> {
    if steps.count < least || steps.count > config.train_timesteps() {
        return Err(Error::setting(
            "steps",
            format!("is {} on a schedule of {}", steps.count, config.train_timesteps()),
            format!("take between {least} and {} steps", config.train_timesteps()),
        ));
    }
    if !(0.0..=1.0).contains(&steps.eta) {
        return Err(Error::setting(
            "eta",
            format!("is {}", steps.eta),
            "take a value between 0 and 1",
        ));
    }
    Ok(steps.count)
}

/// The estimate of the clean latents from a model output at cumulative alpha `alpha`.
fn origin(prediction: Prediction, output: Tensor<4>, x: Tensor<4>, alpha: f32) -> Tensor<4> {
    let (signal, noise) = (alpha.sqrt(), (1.0 - alpha).sqrt());
    match prediction {
        Prediction::Epsilon => (x - output * noise) / signal,
        Prediction::Velocity => x * signal - output * noise,
        Prediction::Sample => output,
    }
}

/// The estimate of the noise from a model output at cumulative alpha `alpha`.
fn noise_of(prediction: Prediction, output: Tensor<4>, x: Tensor<4>, alpha: f32) -> Tensor<4> {
    let (signal, noise) = (alpha.sqrt(), (1.0 - alpha).sqrt());
    match prediction {
        Prediction::Epsilon => output,
        Prediction::Velocity => output * signal + x * noise,
        Prediction::Sample => (x - output * signal) / noise,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_complete() {
        let names: Vec<_> = ALL.iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["ddim", "ddpm", "dpm-solver++", "euler", "euler-ancestral", "pndm"]);
        assert_eq!(find("PNDMScheduler").unwrap().name, "pndm");
        assert!(find("dimm").err().unwrap().to_string().contains("euler-ancestral"));
    }

    #[test]
    fn absurd_step_counts_are_refused() {
        for entry in ALL {
            for count in [0, 1001] {
                assert!(
                    (entry.build)(&ScheduleConfig::default(), Steps { count, eta: 0.0 }).is_err(),
                    "{}",
                    entry.name
                );
            }
        }
    }
}
