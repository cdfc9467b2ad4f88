//! One kernel at a time: forward, or forward and backward through a weighted sum.

use std::path::Path;

use anyhow::{Context, Result, bail};
use burn::tensor::Tensor;
use oubliette_kernels::{self as kernels, Activation, AdamwSettings, AdamwState, Mask};
use serde::Deserialize;

use crate::Run;
use crate::inputs::{Inputs, some};

/// Which kernel, and what it needs besides tensors.
#[derive(Deserialize)]
pub(crate) struct Settings {
    op: String,
    backward: bool,
    #[serde(default)]
    stride: usize,
    #[serde(default)]
    padding: usize,
    #[serde(default)]
    groups: usize,
    #[serde(default)]
    heads: usize,
    #[serde(default)]
    causal: bool,
}

/// A kernel with its inputs.
pub(crate) struct Micro {
    settings: Settings,
    inputs: Inputs,
    state: Option<AdamwState<2>>,
    step: usize,
}

impl Micro {
    /// Reads the inputs.
    pub(crate) fn open(folder: &Path, settings: Settings) -> Result<Self> {
        let inputs = Inputs::read(&folder.join("inputs.safetensors"))?;
        let state = match settings.op.as_str() {
            "adamw" => Some(AdamwState::new(inputs.float("w")?)),
            _ => None,
        };
        Ok(Self { settings, inputs, state, step: 0 })
    }

    /// Output and, with `backward`, the gradients of every float input, a few values of each.
    fn once(&mut self, look: bool) -> Result<Vec<f32>> {
        match self.settings.op.as_str() {
            "adamw" => self.adamw(look),
            "conv2d" | "group-norm" | "upsample" => self.ranked::<4>(look),
            "linear" | "layer-norm" | "rms-norm" | "attention" | "geglu" | "swiglu" => {
                self.ranked::<3>(look)
            }
            "cross-entropy" => self.cross_entropy(look),
            other => bail!("no kernel `{other}`"),
        }
    }

    fn ranked<const D: usize>(&self, look: bool) -> Result<Vec<f32>> {
        let leaf = |tensor: Tensor<D>| match self.settings.backward {
            true => tensor.autodiff().require_grad(),
            false => tensor,
        };
        let x = leaf(self.inputs.float::<D>("x")?);
        let parameters = Parameters::read(&self.inputs, self.settings.backward)?;
        let out = self.apply::<D>(x.clone(), &parameters)?;
        if !self.settings.backward {
            return Ok(if look { some(out) } else { Vec::new() });
        }
        let weighted = out.clone() * self.inputs.float::<D>("g")?.autodiff();
        let mut gradients = weighted.sum().backward();
        let gradient = x.grad_remove(&mut gradients).context("no gradient of x")?;
        if !look {
            return Ok(Vec::new());
        }
        let mut seen = some(out.inner());
        seen.extend(some(gradient));
        seen.extend(parameters.gradients(&mut gradients));
        Ok(seen)
    }

    fn apply<const D: usize>(&self, x: Tensor<D>, p: &Parameters) -> Result<Tensor<D>> {
        let set = &self.settings;
        let weight = || p.weight.clone().context("no weight");
        let flat = |x: Tensor<D>| -> Tensor<3> { Tensor::from_dispatch(x.into_dispatch()) };
        let image = |x: Tensor<D>| -> Tensor<4> { Tensor::from_dispatch(x.into_dispatch()) };
        let bias = || p.bias.clone().context("no bias");
        let gamma = || p.gamma.clone().context("no gamma");
        let out = match set.op.as_str() {
            "conv2d" => {
                let kernel = p.kernel.clone().context("no kernel")?;
                kernels::conv2d(
                    image(x),
                    kernel,
                    p.bias.clone(),
                    set.stride,
                    (set.padding, set.padding),
                )
                .into_dispatch()
            }
            "group-norm" => {
                kernels::group_norm(image(x), set.groups, gamma()?, bias()?, 1e-5, Activation::Silu)
                    .into_dispatch()
            }
            "upsample" => kernels::upsample_nearest_2x(image(x)).into_dispatch(),
            "linear" => kernels::linear(x, weight()?, p.bias.clone()).into_dispatch(),
            "layer-norm" => kernels::layer_norm(x, gamma()?, bias()?, 1e-5).into_dispatch(),
            "rms-norm" => kernels::rms_norm(x, gamma()?, 1e-5).into_dispatch(),
            "geglu" => kernels::geglu(flat(x)).into_dispatch(),
            "swiglu" => kernels::swiglu(flat(x)).into_dispatch(),
            _ => {
                let (k, v) = (p.k.clone().context("no k")?, p.v.clone().context("no v")?);
                let mask = if set.causal { Mask::Causal } else { Mask::None };
                kernels::attention(flat(x), k, v, set.heads, mask).into_dispatch()
            }
        };
        Ok(Tensor::from_dispatch(out))
    }

    fn cross_entropy(&self, look: bool) -> Result<Vec<f32>> {
        let x = self.inputs.float::<2>("x")?.autodiff().require_grad();
        let loss =
            kernels::softmax_cross_entropy(x.clone(), self.inputs.int("targets")?.autodiff());
        let mut gradients = loss.clone().backward();
        let gradient = x.grad_remove(&mut gradients).context("no gradient of x")?;
        Ok(if look { [some(loss.inner()), some(gradient)].concat() } else { Vec::new() })
    }

    fn adamw(&mut self, look: bool) -> Result<Vec<f32>> {
        self.step += 1;
        let settings = AdamwSettings {
            lr: 1e-3,
            betas: (0.9, 0.999),
            eps: 1e-8,
            weight_decay: 0.01,
            step: self.step,
        };
        let state = self.state.take().context("no state")?;
        let state = kernels::adamw(state, self.inputs.float("g")?, &settings);
        let seen = if look { some(state.weight.clone()) } else { Vec::new() };
        self.state = Some(state);
        Ok(seen)
    }
}

impl Run for Micro {
    fn run(&mut self) -> Result<()> {
        self.once(false).map(drop)
    }

    fn check(&mut self) -> Result<Vec<f32>> {
        self.once(true)
    }
}

/// The inputs besides `x`, as leaves where gradients are asked for.
struct Parameters {
    weight: Option<Tensor<2>>,
    kernel: Option<Tensor<4>>,
    gamma: Option<Tensor<1>>,
    bias: Option<Tensor<1>>,
    k: Option<Tensor<3>>,
    v: Option<Tensor<3>>,
}

impl Parameters {
    fn read(inputs: &Inputs, backward: bool) -> Result<Self> {
        fn take<const D: usize>(
            inputs: &Inputs,
            name: &str,
            backward: bool,
        ) -> Result<Option<Tensor<D>>> {
            if !inputs.has(name) {
                return Ok(None);
            }
            let tensor = inputs.float(name)?;
            Ok(Some(if backward { tensor.autodiff().require_grad() } else { tensor }))
        }
        Ok(Self {
            weight: take(inputs, "weight", backward)?,
            kernel: take(inputs, "kernel", backward)?,
            gamma: take(inputs, "gamma", backward)?,
            bias: take(inputs, "bias", backward)?,
            k: take(inputs, "k", backward)?,
            v: take(inputs, "v", backward)?,
        })
    }

    /// In the order of the names, as the other side gives them.
    fn gradients(&self, gradients: &mut burn::tensor::Gradients) -> Vec<f32> {
        fn take<const D: usize>(
            leaf: &Option<Tensor<D>>,
            all: &mut burn::tensor::Gradients,
        ) -> Vec<f32> {
            leaf.as_ref().and_then(|leaf| leaf.grad_remove(all)).map(some).unwrap_or_default()
        }
        [
            take(&self.bias, gradients),
            take(&self.gamma, gradients),
            take(&self.k, gradients),
            take(&self.kernel, gradients),
            take(&self.v, gradients),
            take(&self.weight, gradients),
        ]
        .concat()
    }
}
