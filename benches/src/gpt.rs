//! A training step of a small language model of the Llama kind, built straight from the kernels.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use burn::tensor::{Int, Tensor};
use oubliette_kernels::{
    Dense, Gate, Mask, attention, feed_forward, linear, rms_norm, rotary, softmax_cross_entropy,
};
use oubliette_model::train::{Optimiser, Settings as OptimiserSettings, value_and_gradients};
use oubliette_model::{Scope, Weights};
use serde::Deserialize;

use crate::Run;
use crate::inputs::Inputs;

const LEARNING_RATE: f64 = 1e-5;
const EPS: f64 = 1e-6;

/// The sizes that the forward must know.
#[derive(Deserialize)]
pub(crate) struct Settings {
    layers: usize,
    heads: usize,
    key_heads: usize,
}

/// The model, one batch and the optimiser.
pub(crate) struct Gpt {
    settings: Settings,
    weights: Weights,
    names: BTreeSet<String>,
    optimiser: Optimiser,
    ids: Tensor<2, Int>,
    targets: Tensor<1, Int>,
    cos: Tensor<2>,
    sin: Tensor<2>,
}

impl Gpt {
    /// Reads weights and inputs.
    pub(crate) fn open(folder: &Path, settings: Settings) -> Result<Self> {
        let weights = Inputs::read(&folder.join("weights.safetensors"))?.weights("gpt");
        let inputs = Inputs::read(&folder.join("inputs.safetensors"))?;
        let optimiser = OptimiserSettings { lr: LEARNING_RATE, ..OptimiserSettings::default() };
        Ok(Self {
            settings,
            names: weights.names().map(str::to_owned).collect(),
            weights,
            optimiser: Optimiser::new(optimiser),
            ids: inputs.int("ids")?,
            targets: inputs.int("targets")?,
            cos: inputs.float("cos")?,
            sin: inputs.float("sin")?,
        })
    }

    /// The mean next-token loss.
    fn loss(&self, at: &Scope<'_>) -> Tensor<1> {
        let mut x = at.at("embed").embedding(self.ids.clone());
        for layer in 0..self.settings.layers {
            x = self.block(&at.at(format_args!("layers.{layer}")), x);
        }
        let x = rms_norm(x, at.tensor("norm.weight"), EPS);
        let logits = linear(x, at.tensor("head.weight"), None);
        let [batch, tokens, vocabulary] = logits.dims();
        softmax_cross_entropy(logits.reshape([batch * tokens, vocabulary]), self.targets.clone())
    }

    /// Attention with grouped queries, then a gated unit.
    fn block(&self, at: &Scope<'_>, x: Tensor<3>) -> Tensor<3> {
        let Settings { heads, key_heads, .. } = self.settings;
        let part = |h: &Tensor<3>, name: &str| linear(h.clone(), at.tensor(name), None);
        let turned = |x, heads| rotary(x, self.cos.clone(), self.sin.clone(), heads);
        let h = rms_norm(x.clone(), at.tensor("norm1.weight"), EPS);
        let (q, k) = (turned(part(&h, "q.weight"), heads), turned(part(&h, "k.weight"), key_heads));
        let seen = attention(q, k, part(&h, "v.weight"), heads, Mask::Causal);
        let x = x + part(&seen, "o.weight");
        let h = rms_norm(x.clone(), at.tensor("norm2.weight"), EPS);
        let dense = |name: &str| Dense { weight: at.tensor(name), bias: None };
        x + feed_forward(h, dense("gate_up.weight"), dense("down.weight"), Gate::Silu)
    }

    fn once(&mut self) -> Result<f32> {
        let (loss, gradients) = value_and_gradients(&self.weights, &self.names, |weights| {
            Ok(self.loss(&weights.scope("gpt")))
        })?;
        self.optimiser.step(&mut self.weights, &gradients, 1.0);
        Ok(loss as f32)
    }
}

impl Run for Gpt {
    fn run(&mut self) -> Result<()> {
        self.once().map(drop)
    }

    fn check(&mut self) -> Result<Vec<f32>> {
        (0..3).map(|_| self.once()).collect()
    }
}
