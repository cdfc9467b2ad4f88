//! UNet cases: a forward, a training step, a step of ESD-x.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use burn::tensor::Tensor;
use oubliette_model::networks::{UNet, UNetConfig};
use oubliette_model::schedule::{self, ScheduleConfig, Steps};
use oubliette_model::train::{
    Optimiser, Settings as OptimiserSettings, losses, value_and_gradients,
};
use oubliette_model::{Weights, store};
use serde::Deserialize;

use crate::Run;
use crate::inputs::{Inputs, some};

const LEARNING_RATE: f64 = 1e-5;
const GUIDANCE: f32 = 3.0;
const NEGATIVE_GUIDANCE: f32 = 1.0;

/// What moves, and how far an ESD trajectory goes.
#[derive(Deserialize)]
pub(crate) struct Settings {
    #[serde(default)]
    trainable: Option<String>,
    #[serde(default)]
    trajectory: usize,
}

/// A UNet with inputs and, when it trains, an optimiser.
pub(crate) struct Network {
    unet: UNet,
    weights: Weights,
    names: BTreeSet<String>,
    optimiser: Optimiser,
    x: Tensor<4>,
    noise: Tensor<4>,
    t: Tensor<1>,
    context: Tensor<3>,
    empty: Tensor<3>,
}

impl Network {
    fn open(folder: &Path, settings: &Settings) -> Result<Self> {
        let config = folder.join("unet/config.json");
        let map = store::read_object(&config, store::MAX_CONFIG_BYTES)?;
        let unet = UNet::new(UNetConfig::from_json(&config, &map)?);
        let weights =
            Inputs::read(&folder.join("unet/diffusion_pytorch_model.safetensors"))?.weights("unet");
        let moves = |name: &str| match settings.trainable.as_deref() {
            None | Some("all") => true,
            Some(part) => name.contains(&format!(".{part}.")),
        };
        let names = weights.names().filter(|name| moves(name)).map(str::to_owned).collect();
        let inputs = Inputs::read(&folder.join("inputs.safetensors"))?;
        let optimiser =
            Optimiser::new(OptimiserSettings { lr: LEARNING_RATE, ..OptimiserSettings::default() });
        Ok(Self {
            unet,
            weights,
            names,
            optimiser,
            x: inputs.float("x")?,
            noise: inputs.float("noise")?,
            t: inputs.float("t")?,
            context: inputs.float("context")?,
            empty: inputs.float("empty")?,
        })
    }

    fn forward(
        &self,
        weights: &Weights,
        x: Tensor<4>,
        t: Tensor<1>,
        context: Tensor<3>,
    ) -> Tensor<4> {
        self.unet.forward(&weights.scope("unet"), x, t, context)
    }

    /// Mean squared distance from `target`, its gradients, one update; the loss.
    fn descend(&mut self, x: Tensor<4>, target: Tensor<4>) -> Result<f32> {
        let (loss, gradients) = value_and_gradients(&self.weights, &self.names, |weights| {
            let out = self.forward(weights, x, self.t.clone(), self.context.clone());
            Ok(losses::mean_squared(out, target))
        })?;
        self.optimiser.step(&mut self.weights, &gradients, 1.0);
        Ok(loss as f32)
    }
}

/// One forward without gradients.
pub(crate) struct Forward(Network);

impl Forward {
    pub(crate) fn open(folder: &Path, settings: &Settings) -> Result<Self> {
        Ok(Self(Network::open(folder, settings)?))
    }

    fn once(&self) -> Tensor<4> {
        let net = &self.0;
        net.forward(&net.weights, net.x.clone(), net.t.clone(), net.context.clone())
    }
}

impl Run for Forward {
    fn run(&mut self) -> Result<()> {
        self.once().into_data();
        Ok(())
    }

    fn check(&mut self) -> Result<Vec<f32>> {
        Ok(some(self.once()))
    }
}

/// Noise-prediction loss, backward, AdamW.
pub(crate) struct Step(Network);

impl Step {
    pub(crate) fn open(folder: &Path, settings: &Settings) -> Result<Self> {
        Ok(Self(Network::open(folder, settings)?))
    }

    fn once(&mut self) -> Result<f32> {
        let (x, noise) = (self.0.x.clone(), self.0.noise.clone());
        self.0.descend(x, noise)
    }
}

impl Run for Step {
    fn run(&mut self) -> Result<()> {
        self.once().map(drop)
    }

    fn check(&mut self) -> Result<Vec<f32>> {
        (0..3).map(|_| self.once()).collect()
    }
}

/// A step of ESD-x: a partial trajectory, the frozen model's two predictions in one batch, one update.
pub(crate) struct Esd {
    net: Network,
    teacher: Weights,
    trajectory: usize,
}

impl Esd {
    pub(crate) fn open(folder: &Path, settings: &Settings) -> Result<Self> {
        let net = Network::open(folder, settings)?;
        Ok(Self { teacher: net.weights.clone(), net, trajectory: settings.trajectory })
    }

    /// Predictions without and with the concept.
    fn pair(&self, weights: &Weights, x: &Tensor<4>, t: Tensor<1>) -> [Tensor<4>; 2] {
        let context = Tensor::cat(vec![self.net.empty.clone(), self.net.context.clone()], 0);
        let both = self.net.forward(weights, x.clone(), t, context);
        let batch = x.dims()[0];
        [both.clone().narrow(0, 0, batch), both.narrow(0, batch, batch)]
    }

    /// The first steps of 50 under the concept, guided.
    fn walk(&self) -> Result<Tensor<4>> {
        let config: ScheduleConfig = serde_json::from_value(serde_json::json!({
            "_class_name": "DDIMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
            "clip_sample": false, "set_alpha_to_one": false, "steps_offset": 1,
        }))?;
        let mut sampler = (schedule::find("ddim")?.build)(&config, Steps { count: 50, eta: 0.0 })?;
        let mut x = self.net.noise.clone();
        for step in 0..self.trajectory {
            let t = Tensor::full([x.dims()[0]], sampler.timesteps()[step], &x.device());
            let [nothing, concept] = self.pair(&self.net.weights, &x, t);
            let guided = nothing.clone() + (concept - nothing) * GUIDANCE;
            x = sampler.step(step, guided, x, None);
        }
        Ok(x)
    }

    fn once(&mut self) -> Result<f32> {
        let x = self.walk()?;
        let [nothing, concept] = self.pair(&self.teacher, &x, self.net.t.clone());
        let target = nothing.clone() - (concept - nothing) * NEGATIVE_GUIDANCE;
        self.net.descend(x, target)
    }
}

impl Run for Esd {
    fn run(&mut self) -> Result<()> {
        self.once().map(drop)
    }

    fn check(&mut self) -> Result<Vec<f32>> {
        (0..2).map(|_| self.once()).collect()
    }
}
