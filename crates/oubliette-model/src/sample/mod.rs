//! From prompts to pictures: guided sampling in which a picture never depends on the others of its batch.

mod given;
mod guidance;
mod latents;
mod memory;
mod picture;
mod prompts;
mod request;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use burn::tensor::{DType, Tensor, TensorData};
use image::RgbImage;

pub use given::Given;
pub use guidance::{GUIDANCE_FILE, Guidance, GuidanceFile, Momentum, Negative, SafeLatent};
pub use latents::draw;
pub use picture::{to_pictures, to_pixels};
pub use prompts::PromptCache;
pub use request::{Request, Size};

pub(crate) use guidance::read as read_guidance;

use crate::attached::{self, Strengths};
use crate::error::{Error, Result};
use crate::families::StableDiffusion;
use crate::schedule::{Entry, Sampler};
use crate::weights::Weights;

/// How far a call of [`StableDiffusion::generate`] has come, in calls of the denoiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Calls done, each counted once for every picture of its batch.
    pub done: usize,
    /// Calls in all.
    pub total: usize,
}

/// Called after every denoising call; `Break` stops the sampling.
pub type OnProgress<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

impl StableDiffusion {
    /// The pictures of the requests, in their order.
    ///
    /// `batch` requests at a time go through the denoiser together where they have the same size and number of steps.
    /// The bits of a picture depend on its request, the weights and the sampler alone.
    ///
    /// # Errors
    /// When a request cannot be met, the sampler does not run this model's schedule, what the model computes is not finite, or `progress` says to stop.
    pub fn generate(
        &self,
        weights: &Weights,
        requests: &[Request],
        sampler: &Entry,
        batch: usize,
        progress: OnProgress<'_>,
    ) -> Result<Vec<RgbImage>> {
        let mut pictures: Vec<Option<RgbImage>> = vec![None; requests.len()];
        self.sample(weights, requests, sampler, batch, progress, |at, latents| {
            for (at, picture) in at.iter().zip(self.decode_pictures(weights, latents)?) {
                pictures[*at] = Some(picture);
            }
            Ok(())
        })?;
        Ok(pictures.into_iter().flatten().collect())
    }

    /// The latents of the requests, in their order, each (1, channels, height, width): what
    /// [`StableDiffusion::generate`] decodes.
    ///
    /// # Errors
    /// As [`StableDiffusion::generate`].
    pub fn generate_latents(
        &self,
        weights: &Weights,
        requests: &[Request],
        sampler: &Entry,
        batch: usize,
        progress: OnProgress<'_>,
    ) -> Result<Vec<Tensor<4>>> {
        let mut all: Vec<Option<Tensor<4>>> = vec![None; requests.len()];
        self.sample(weights, requests, sampler, batch, progress, |at, latents| {
            for (row, at) in at.iter().enumerate() {
                all[*at] = Some(latents.clone().narrow(0, row, 1));
            }
            Ok(())
        })?;
        Ok(all.into_iter().flatten().collect())
    }

    fn sample(
        &self,
        weights: &Weights,
        requests: &[Request],
        sampler: &Entry,
        batch: usize,
        progress: OnProgress<'_>,
        mut finished: impl FnMut(&[usize], Tensor<4>) -> Result<()>,
    ) -> Result<()> {
        let mut groups = BTreeMap::<_, Vec<usize>>::new();
        for (at, request) in requests.iter().enumerate() {
            let size = request.latent_size(self)?;
            groups.entry((request.kind(self.guidance()), size)).or_default().push(at);
        }
        let mut total = 0;
        for ((kind, _), members) in &groups {
            total +=
                (sampler.build)(&self.schedule, kind.steps())?.timesteps().len() * members.len();
        }
        let mut prompts = PromptCache::default();
        prompts.encode(self, weights, requests)?;
        let asked = requests.iter().map(|request| request.prompt.clone()).collect();
        let strengths = attached::strengths(self, weights, &asked)?;
        let mut clock = Clock { progress, done: 0, total };
        for ((kind, size), members) in &groups {
            for members in members.chunks(batch.max(1)) {
                let chosen: Vec<&Request> = members.iter().map(|at| &requests[*at]).collect();
                // What an adapter does to a picture depends on its prompt, whatever text is in its other slots.
                let rows = chosen.iter().filter_map(|request| strengths.get(&request.prompt));
                let rows: Vec<&Strengths> = rows.collect();
                let gates = attached::Gates::of_rows(&rows.repeat(kind.slots), self);
                let (size, slots) = (*size, kind.slots);
                let run = Run { model: self, weights, requests: &chosen, size, slots, gates };
                let sampler = (sampler.build)(&self.schedule, kind.steps())?;
                let latents = run.walk(sampler, &prompts, &mut clock)?;
                self.must_be_finite(&latents, "the model's predictions")?;
                finished(members, latents)?;
            }
        }
        Ok(())
    }

    /// Refuses what left the finite numbers on its way: as a picture it would be black, and nobody would know why.
    fn must_be_finite(&self, values: &Tensor<4>, what: &str) -> Result<()> {
        // Nothing times what is finite is nothing; times all else it is no number.
        let sum: f32 = (values.clone().cast(DType::F32) * 0.0).sum().into_scalar();
        if sum.is_finite() {
            return Ok(());
        }
        Err(Error::file(
            self.folder(),
            format!("{what} are not finite numbers"),
            "take another model, or `--dtype f32` where a shorter format was asked for",
        ))
    }

    /// The number format that the denoiser computes in.
    fn latent_dtype(&self, weights: &Weights) -> DType {
        weights.get("unet/conv_in.weight").map_or(DType::F32, crate::Weight::dtype)
    }
}

struct Clock<'a> {
    progress: OnProgress<'a>,
    done: usize,
    total: usize,
}

impl Clock<'_> {
    fn tick(&mut self, pictures: usize) -> Result<()> {
        self.done += pictures;
        match (self.progress)(Progress { done: self.done, total: self.total }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Interrupted),
        }
    }
}

/// One batch on its way from noise to latents.
struct Run<'a> {
    model: &'a StableDiffusion,
    weights: &'a Weights,
    requests: &'a [&'a Request],
    size: Size,
    /// Under how many texts each picture is predicted.
    slots: usize,
    /// How strong what is attached is for every row of a forward.
    gates: Option<attached::Gates>,
}

impl Run<'_> {
    fn walk(
        &self,
        mut sampler: Box<dyn Sampler>,
        prompts: &PromptCache,
        clock: &mut Clock<'_>,
    ) -> Result<Tensor<4>> {
        let context = prompts.context(self.model.guidance(), self.requests);
        let guidance: Vec<f32> = self.requests.iter().map(|request| request.guidance).collect();
        let guidance = TensorData::new(guidance, [self.requests.len(), 1, 1, 1]);
        let guidance = Tensor::<4>::from_data(guidance, self.model.device());
        let channels = self.model.unet.config().in_channels;
        let mut x = latents::start(self.requests, channels, self.size, self.model.device())?
            * sampler.start_scale();
        let mut momentum = Momentum::default();
        for call in 0..sampler.timesteps().len() {
            let shown = sampler.scale_input(call, x.clone());
            let time = sampler.timesteps()[call];
            let output = self.outputs(shown, time, context.clone());
            let output = self.guided(call, output, guidance.clone(), &mut momentum);
            let noise = match sampler.takes_noise(call) {
                true => Some(latents::step(
                    self.requests,
                    call,
                    channels,
                    self.size,
                    self.model.device(),
                )?),
                false => None,
            };
            x = sampler.step(call, output, x, noise);
            clock.tick(self.requests.len())?;
        }
        Ok(x)
    }

    /// The denoiser's outputs under every text of every picture, slot by slot, in one forward.
    fn outputs(&self, x: Tensor<4>, time: f32, context: Tensor<3>) -> Tensor<4> {
        let rows = x.dims()[0]; // each of them is seen under the texts of all slots
        let times = TensorData::new(vec![time; rows], [rows]);
        let times = Tensor::<1>::from_data(times, self.model.device());
        let dtype = self.model.latent_dtype(self.weights);
        let gates = self.gates.as_ref();
        let output = self.model.predict_gated(self.weights, x.cast(dtype), times, context, gates);
        output.cast(DType::F32)
    }

    /// One output for each picture, by guidance and the model's policy.
    fn guided(
        &self,
        call: usize,
        outputs: Tensor<4>,
        guidance: Tensor<4>,
        momentum: &mut Momentum,
    ) -> Tensor<4> {
        if self.slots == 1 {
            return outputs;
        }
        let count = self.requests.len();
        let slot = |slot: usize| outputs.clone().narrow(0, slot * count, count);
        let (without, with) = (slot(0), slot(1));
        let direction = match self.model.guidance() {
            Some(Guidance::SafeLatent(policy)) => {
                policy.direction(call, [without.clone(), with, slot(2)], momentum)
            }
            Some(Guidance::Negative(_)) | None => with - without.clone(),
        };
        without + direction * guidance
    }
}
