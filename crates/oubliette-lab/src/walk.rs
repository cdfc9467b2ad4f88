//! Guided sampling that can stop on the way, for sources that train on pictures or on what lies between noise and picture.

use burn::tensor::{DType, Device, Tensor, TensorData};
use oubliette_model::{
    Weights,
    families::StableDiffusion,
    schedule::{self, NoiseSchedule, Sampler, ScheduleConfig, Steps},
};
use rand::Rng as _;
use rand_distr::StandardNormal;

use crate::{Result, Study, geometry, lot::Rng, parts::source::Batch};

/// A guided sampling under fixed prompts.
pub(crate) struct Walk {
    sampler: Box<dyn Sampler>,
    prompts: Vec<String>,
    /// The text that guidance leads away from.
    negative: String,
    guidance: f64,
    /// Latents before call `call`, in f32 as in every sampling: a step is small beside them.
    latents: Tensor<4>,
    /// The format that the denoiser looks at them in.
    format: DType,
    call: usize,
}

impl Walk {
    /// Begins at pure noise drawn from `rng`, one row a prompt.
    pub(crate) fn begin(
        sd: &StableDiffusion,
        sampler: Box<dyn Sampler>,
        prompts: Vec<String>,
        guidance: f64,
        rng: &mut Rng,
    ) -> Self {
        let [channels, height, width] = geometry::latents(sd);
        let noise = normal([prompts.len(), channels, height, width], sd, rng);
        Self::begin_at(noise, sampler, prompts, guidance)
    }

    /// Begins at given unit noise, one row a prompt.
    pub(crate) fn begin_at(
        noise: Tensor<4>,
        sampler: Box<dyn Sampler>,
        prompts: Vec<String>,
        guidance: f64,
    ) -> Self {
        let format = noise.dtype();
        let latents = noise.cast(DType::F32) * sampler.start_scale();
        Self { sampler, prompts, negative: String::new(), guidance, latents, format, call: 0 }
    }

    /// The same, led away from a text in place of the empty one.
    pub(crate) fn away_from(self, negative: &str) -> Self {
        Self { negative: negative.to_owned(), ..self }
    }

    /// How many calls a whole sampling has.
    pub(crate) fn calls(&self) -> usize {
        self.sampler.timesteps().len()
    }

    /// The texts, one a row.
    pub(crate) fn prompts(&self) -> &[String] {
        &self.prompts
    }

    /// The time that the latents are at before call `call`; after the last call, 0.
    pub(crate) fn time_at(&self, call: usize) -> f32 {
        self.sampler.timesteps().get(call).copied().unwrap_or(0.0)
    }

    /// The latents as they are now, (prompts, channels, height, width), in the denoiser's format.
    pub(crate) fn latents(&self) -> Tensor<4> {
        self.latents.clone().cast(self.format)
    }

    /// Walks until `call` calls are done.
    ///
    /// # Errors
    /// When a prompt cannot be tokenised.
    pub(crate) fn until(
        &mut self,
        study: &Study<'_>,
        weights: &Weights,
        call: usize,
    ) -> Result<()> {
        while self.call < call {
            self.next(study, weights)?;
        }
        Ok(())
    }

    /// One call; gives what was predicted for the latents before it, under the prompts and under what guidance leads away from.
    ///
    /// # Errors
    /// When a prompt cannot be tokenised.
    pub(crate) fn next(&mut self, study: &Study<'_>, weights: &Weights) -> Result<[Tensor<4>; 2]> {
        let empty = study.context(weights, &vec![self.negative.clone(); self.prompts.len()])?;
        let context = study.context(weights, &self.prompts)?;
        let time = self.time_at(self.call);
        let rows = Batch {
            latents: self.sampler.scale_input(self.call, self.latents.clone()).cast(self.format),
            timesteps: times(&vec![time; self.prompts.len()], &self.latents.device()),
            prompts: self.prompts.clone(),
            target: None,
            seen: None,
        };
        let [without, with] = study.predict_many(weights, &rows, [empty, context]);
        let [nothing, named] = [&without, &with].map(|seen| seen.clone().cast(DType::F32));
        let guided = nothing.clone() + (named - nothing) * self.guidance;
        self.latents = self.sampler.step(self.call, guided, self.latents.clone(), None);
        self.call += 1;
        Ok([with, without])
    }
}

/// DDIM, for whom the latents on the way are what counts.
///
/// # Errors
/// When the schedule cannot be walked in that many steps.
pub(crate) fn ddim(sd: &StableDiffusion, steps: u32) -> Result<Box<dyn Sampler>> {
    let build = schedule::find("ddim")?.build;
    Ok(build(&sd.schedule, Steps { count: steps as usize, eta: 0.0 })?)
}

/// DPM-Solver++ of second order, for whom only the picture counts: it needs less than half of DDIM's steps (arXiv 2211.01095).
///
/// # Errors
/// As [`ddim`].
pub(crate) fn solver(sd: &StableDiffusion, steps: u32) -> Result<Box<dyn Sampler>> {
    let build = schedule::find("dpm-solver++")?.build;
    // The plain solver, whatever variant of it the model's folder asks for.
    let plain = ScheduleConfig {
        algorithm_type: None,
        solver_order: None,
        solver_type: None,
        final_sigmas_type: None,
        lower_order_final: None,
        euler_at_final: None,
        lambda_min_clipped: None,
        use_karras_sigmas: None,
        use_exponential_sigmas: None,
        use_beta_sigmas: None,
        use_lu_lambdas: None,
        ..sd.schedule.clone()
    };
    Ok(build(&plain, Steps { count: steps as usize, eta: 0.0 })?)
}

/// Unit noise on the model's device.
pub(crate) fn normal(shape: [usize; 4], sd: &StableDiffusion, rng: &mut Rng) -> Tensor<4> {
    let values: Vec<f32> =
        (0..shape.iter().product()).map(|_| rng.sample(StandardNormal)).collect();
    Tensor::from_data(TensorData::new(values, shape), (sd.device(), dtype(sd)))
}

/// Timesteps, (rows). They are f32 whatever the model computes in: bf16 knows no odd number above 256.
pub(crate) fn times(values: &[f32], device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), (device, DType::F32))
}

/// The number format of the denoiser.
pub(crate) fn dtype(sd: &StableDiffusion) -> DType {
    sd.weights.iter().next().map_or(DType::F32, |(_, weight)| weight.dtype())
}

/// Clean latents with the noise of random times: what the diffusion loss looks at.
///
/// # Errors
/// When the model's betas make no schedule.
pub(crate) fn noised(
    sd: &StableDiffusion,
    clean: Tensor<4>,
    prompts: Vec<String>,
    rng: &mut Rng,
) -> Result<Batch> {
    noised_at(sd, clean, prompts, |levels, rng| rng.random_range(0..levels), rng)
}

/// The same with the times that `draw` draws among so many.
///
/// # Errors
/// As [`noised`].
pub(crate) fn noised_at(
    sd: &StableDiffusion,
    clean: Tensor<4>,
    prompts: Vec<String>,
    draw: impl Fn(usize, &mut Rng) -> usize,
    rng: &mut Rng,
) -> Result<Batch> {
    let schedule = NoiseSchedule::new(&sd.schedule)?;
    let levels = schedule.len();
    let at: Vec<usize> = prompts.iter().map(|_| draw(levels, rng)).collect();
    let noise = normal(clean.dims(), sd, rng);
    let values: Vec<f32> = at.iter().map(|&time| time as f32).collect();
    Ok(Batch {
        latents: schedule.add_noise(clean.clone(), noise.clone(), &at),
        timesteps: times(&values, sd.device()),
        prompts,
        target: Some(schedule.target(clean, noise, &at)),
        seen: None,
    })
}
