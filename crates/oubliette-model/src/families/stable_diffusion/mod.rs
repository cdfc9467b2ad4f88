//! Stable Diffusion 1.x and 2.x and their kind: text encoder, denoiser, autoencoder.

mod fit;
mod fresh;
mod index;
mod open;
mod save;

use std::path::Path;

use burn::tensor::{Device, Tensor};

use crate::attached::{self, ATTACHED, Attached, Gates, InForce};
use crate::device::Precision;
use crate::error::Result;
use crate::networks::rows::repeated;
use crate::networks::{Attended, ClipText, UNet, Vae, Watched};
use crate::sample::{GUIDANCE_FILE, Guidance};
use crate::schedule::ScheduleConfig;
use crate::scope::Scope;
use crate::store::{Component, DIFFUSERS_STEM};
use crate::tokenizer::ClipTokenizer;
use crate::weights::Weights;

pub use fresh::FreshModel;

pub(super) use open::{check_links, check_vocabulary};

use open::Source;

/// The folders of the three networks, which are also the first part of their weights' names.
pub(crate) const UNET: &str = "unet";
pub(crate) const VAE: &str = "vae";
pub(crate) const TEXT: &str = "text_encoder";
/// What the text encoder's weight files begin with.
const TRANSFORMERS_STEM: &str = "model";

/// How a model is loaded.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Where its weights live.
    pub device: Device,
    /// In which number format.
    pub dtype: Precision,
    /// Which weight files are preferred, for example `fp16`.
    pub variant: Option<String>,
    /// For a checkpoint in one file: the folder of a model of the same kind, which gives the
    /// configurations, the tokenizer and the schedule. Not used for folders.
    pub base: Option<std::path::PathBuf>,
    /// Whether training computes the denoiser's blocks again in the backward: [`UNet::recomputing`].
    pub recompute: bool,
}

impl LoadOptions {
    /// 32-bit floats on a device.
    pub fn on(device: Device) -> Self {
        Self { device, dtype: Precision::F32, variant: None, base: None, recompute: false }
    }
}

/// A whole model, loaded.
#[derive(Clone, Debug)]
pub struct StableDiffusion {
    /// The denoiser; its weights begin with `unet/`.
    pub unet: UNet,
    /// The autoencoder; its weights begin with `vae/`.
    pub vae: Vae,
    /// The text encoder; its weights begin with `text_encoder/`.
    pub text: ClipText,
    /// From prompts to tokens.
    pub tokenizer: ClipTokenizer,
    /// The noise schedule and the sampler that the folder names.
    pub schedule: ScheduleConfig,
    /// All weights as they were loaded.
    pub weights: Weights,
    guidance: Option<Guidance>,
    attached: Option<Attached>,
    device: Device,
    source: Source,
    components: [Component; 3],
}

impl StableDiffusion {
    /// Loads a diffusers folder, a snapshot in a Hugging Face cache, or a checkpoint in one file.
    ///
    /// # Errors
    /// A file is missing, malformed, hostile, not supported, or they do not fit each other.
    pub fn load(path: &Path, options: &LoadOptions) -> Result<Self> {
        let opened = open::open(path, options)?;
        let mut weights = Weights::new();
        for component in &opened.components {
            component.load(&mut weights, &options.device, options.dtype.dtype())?;
        }
        if let Some(attached) = &opened.attached {
            let (folder, device, dtype) = (opened.source.folder(), &options.device, options.dtype);
            weights.extend(attached::read_weights(folder, attached, &weights, device, dtype)?);
        }
        oubliette_kernels::give_memory_back();
        Ok(Self {
            unet: opened.unet.recomputing(options.recompute),
            vae: opened.vae,
            text: opened.text,
            tokenizer: opened.tokenizer,
            schedule: opened.schedule,
            weights,
            guidance: opened.guidance,
            attached: opened.attached,
            device: options.device.clone(),
            source: opened.source,
            components: opened.components,
        })
    }

    /// Where the model was loaded from.
    pub fn folder(&self) -> &Path {
        self.source.path()
    }

    /// The policy by which its pictures are sampled; none: guidance as it is.
    pub fn guidance(&self) -> Option<&Guidance> {
        self.guidance.as_ref()
    }

    /// Has its pictures sampled by a policy from here on, also by whoever loads what is saved.
    ///
    /// # Errors
    /// A value is out of range, or the text is longer than the text encoder reads.
    pub fn set_guidance(&mut self, guidance: Guidance) -> Result<()> {
        let file = self.folder().join(GUIDANCE_FILE);
        guidance.check_values(&file)?;
        guidance.check_length(&file, &self.tokenizer)?;
        self.guidance = Some(guidance);
        Ok(())
    }

    /// What is attached to its denoiser; its weights begin with `attached/`.
    pub fn attached(&self) -> Option<&Attached> {
        self.attached.as_ref()
    }

    /// Says what is attached to its denoiser from here on, also to whoever loads what is saved with weights of it.
    pub fn attach(&mut self, attached: Attached) {
        self.attached = Some(attached);
    }

    /// Where its weights live.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// What the text encoder makes of prompts: (prompts, tokens, width).
    ///
    /// # Errors
    /// A prompt is absurdly long.
    pub fn encode_prompts(&self, weights: &Weights, prompts: &[String]) -> Result<Tensor<3>> {
        let ids = super::clip::token_ids(&self.tokenizer, prompts, &self.device)?;
        Ok(self.text.forward(&weights.scope(TEXT), ids).last_hidden)
    }

    /// The same, with `shift` (prompts, tokens, width) added to what the vocabulary says of each token.
    ///
    /// # Errors
    /// As [`StableDiffusion::encode_prompts`].
    pub fn encode_shifted(
        &self,
        weights: &Weights,
        prompts: &[String],
        shift: Tensor<3>,
    ) -> Result<Tensor<3>> {
        let ids = super::clip::token_ids(&self.tokenizer, prompts, &self.device)?;
        Ok(self.text.forward_shifted(&weights.scope(TEXT), ids, Some(shift)).last_hidden)
    }

    /// The denoiser's output for noisy latents `x` (batch, channels, height, width), time steps
    /// `t` (batch) and encoded prompts (times · batch, tokens, width): noise, sample or velocity, as the schedule says, of every row
    /// under the first prompts, then under the next. What `weights` hold that is attached to the denoiser is in force, and whole.
    pub fn predict(
        &self,
        weights: &Weights,
        x: Tensor<4>,
        t: Tensor<1>,
        context: Tensor<3>,
    ) -> Tensor<4> {
        self.unet.forward(&denoiser(weights, None), x, t, context)
    }

    /// The same, with adapters that are attached as strong as `gates` says.
    pub fn predict_gated(
        &self,
        weights: &Weights,
        x: Tensor<4>,
        t: Tensor<1>,
        context: Tensor<3>,
        gates: Option<&Gates>,
    ) -> Tensor<4> {
        let (x, t) = rows_of(x, t, &context, gates);
        self.unet.forward(&denoiser(weights, gates), x, t, context)
    }

    /// The same, with what every pixel looked at in the prompt, one after another through the network.
    pub fn predict_watched(
        &self,
        weights: &Weights,
        x: Tensor<4>,
        t: Tensor<1>,
        context: Tensor<3>,
        gates: Option<&Gates>,
    ) -> (Tensor<4>, Vec<Attended>) {
        let watched = Watched::default();
        let (x, t) = rows_of(x, t, &context, gates);
        let out = self.unet.forward(&denoiser(weights, gates).watched(&watched), x, t, context);
        (out, watched.into_seen())
    }

    /// Pictures in -1..1 to mean and logarithm of the variance of their latents, not scaled.
    pub fn encode_pictures(&self, weights: &Weights, x: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        self.vae.encode(&weights.scope(VAE), x)
    }

    /// Latents as the denoiser sees them to pictures in about -1..1.
    pub fn decode_latents(&self, weights: &Weights, latents: Tensor<4>) -> Tensor<4> {
        let z = latents / self.vae.config().scaling_factor;
        self.vae.decode(&weights.scope(VAE), z)
    }
}

/// Latents and times as the denoiser takes them: a gate is as strong as a prompt makes it, from the first layer on.
fn rows_of(
    x: Tensor<4>,
    t: Tensor<1>,
    context: &Tensor<3>,
    gates: Option<&Gates>,
) -> (Tensor<4>, Tensor<1>) {
    match gates {
        Some(_) => (repeated(x, context.dims()[0]), repeated(t, context.dims()[0])),
        None => (x, t),
    }
}

/// The denoiser's weights, with what is attached beside them.
fn denoiser<'a>(weights: &'a Weights, gates: Option<&'a Gates>) -> Scope<'a> {
    let own = weights.scope(UNET);
    if weights.has_component(ATTACHED) { own.with_attached(InForce { gates }) } else { own }
}
