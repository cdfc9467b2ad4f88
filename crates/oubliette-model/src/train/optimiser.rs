//! Adam and AdamW with PyTorch's arithmetic and PyTorch's epsilon.

use oubliette_kernels::{AdamwSettings, AdamwState, adamw};
use serde::{Deserialize, Serialize};

use crate::weights::{Weight, Weights};

/// What weight decay means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// Decay taken from the weight itself (Loshchilov and Hutter 2019, arXiv 1711.05101).
    #[default]
    AdamW,
    /// Decay added to the gradient (Kingma and Ba 2015, arXiv 1412.6980).
    Adam,
}

/// The numbers of an optimiser, named as in PyTorch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// AdamW or Adam.
    pub rule: Rule,
    /// The peak learning rate.
    pub lr: f64,
    /// Decay of the mean of gradients and of the mean of their squares.
    pub betas: (f64, f64),
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Weight decay.
    pub weight_decay: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { rule: Rule::AdamW, lr: 1e-4, betas: (0.9, 0.999), eps: 1e-8, weight_decay: 1e-2 }
    }
}

/// An optimiser with its moments.
#[derive(Clone, Debug)]
pub struct Optimiser {
    /// Its numbers.
    pub settings: Settings,
    pub(super) steps: u64,
    pub(super) first: Weights,
    pub(super) second: Weights,
}

impl Optimiser {
    /// Before the first step.
    pub fn new(settings: Settings) -> Self {
        Self { settings, steps: 0, first: Weights::new(), second: Weights::new() }
    }

    /// Moves every weight that has a gradient. `factor` scales the learning rate of this step.
    ///
    /// # Panics
    /// When a gradient has no weight, or another shape.
    pub fn step(&mut self, weights: &mut Weights, gradients: &Weights, factor: f64) {
        self.steps += 1;
        let settings = AdamwSettings {
            lr: self.settings.lr * factor,
            betas: self.settings.betas,
            eps: self.settings.eps,
            weight_decay: if self.settings.rule == Rule::AdamW {
                self.settings.weight_decay
            } else {
                0.0
            },
            step: usize::try_from(self.steps).unwrap_or(usize::MAX),
        };
        for (name, gradient) in gradients {
            // Taken out, so that nobody else holds the storage and it can be written in place.
            let weight = weights
                .remove(name)
                .unwrap_or_else(|| unreachable!("`{name}` has a gradient and no weight"));
            let shape = weight.shape().to_vec();
            let weight = weight.inner().flat();
            let mut gradient = gradient.flat();
            if self.settings.rule == Rule::Adam && self.settings.weight_decay != 0.0 {
                gradient = gradient + weight.clone() * self.settings.weight_decay;
            }
            let mut state = AdamwState::new(weight);
            if let (Some(first), Some(second)) = (self.first.remove(name), self.second.remove(name))
            {
                (state.first, state.second) = (first.flat(), second.flat());
            }
            let state = adamw(state, gradient, &settings);
            weights.insert(name.clone(), Weight::from_flat(state.weight, &shape));
            self.first.insert(name.clone(), Weight::from_flat(state.first, &shape));
            self.second.insert(name.clone(), Weight::from_flat(state.second, &shape));
        }
    }

    /// Takes the moments away where `movable` is 0, for the weights that it knows.
    pub fn hold(&mut self, movable: &Weights) {
        self.first = self.first.times(movable);
        self.second = self.second.times(movable);
    }

    /// Both moments, by `first/NAME` and `second/NAME`.
    pub fn moments(&self) -> Weights {
        self.first.under("first").overlaid(&self.second.under("second"))
    }

    /// After so many steps, with the moments that [`Optimiser::moments`] gave.
    pub fn resumed(settings: Settings, steps: u64, moments: &Weights) -> Self {
        let (first, second) = (moments.within("first"), moments.within("second"));
        Self { settings, steps, first, second }
    }

    /// Steps taken so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }
}
