//! Guided pictures: prompts in, 8-bit pictures out.

use std::ops::ControlFlow;
use std::path::Path;

use anyhow::Result;
use burn::tensor::Device;
use image::RgbImage;
use oubliette_model::families::{LoadOptions, StableDiffusion};
use oubliette_model::sample::{Given, Request};
use serde::Deserialize;

use crate::Run;

/// How pictures are asked for.
#[derive(Deserialize)]
pub(crate) struct Settings {
    steps: usize,
    guidance: f32,
}

/// A whole model and its requests.
pub(crate) struct Sampling {
    model: StableDiffusion,
    requests: Vec<Request>,
}

impl Sampling {
    pub(crate) fn open(folder: &Path, settings: &Settings) -> Result<Self> {
        let model = StableDiffusion::load(&folder.join("model"), &LoadOptions::on(Device::flex()))?;
        let prompts: Vec<String> =
            serde_json::from_slice(&std::fs::read(folder.join("prompts.json"))?)?;
        let given = Given::read(&folder.join("inputs.safetensors"))?;
        let request = |(prompt, given): (String, _)| Request {
            prompt,
            steps: settings.steps,
            guidance: settings.guidance,
            given: Some(given),
            ..Request::default()
        };
        let requests = prompts.into_iter().zip(given).map(request).collect();
        Ok(Self { model, requests })
    }

    fn once(&self) -> Result<Vec<RgbImage>> {
        let (sampler, batch) = (self.model.schedule.sampler()?, self.requests.len());
        let go_on = &mut |_| ControlFlow::Continue(());
        Ok(self.model.generate(&self.model.weights, &self.requests, sampler, batch, go_on)?)
    }
}

impl Run for Sampling {
    fn run(&mut self) -> Result<()> {
        self.once().map(drop)
    }

    /// Some pixels of every picture, in whole levels.
    fn check(&mut self) -> Result<Vec<f32>> {
        let levels = |picture: RgbImage| {
            let raw = picture.into_raw();
            let step = raw.len().div_ceil(64).max(1);
            raw.into_iter().step_by(step).map(f32::from).collect::<Vec<_>>()
        };
        Ok(self.once()?.into_iter().flat_map(levels).collect())
    }
}
