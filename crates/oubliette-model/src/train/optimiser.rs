//! Adam and AdamW with PyTorch's arithmetic and PyTorch's epsilon.

use burn::tensor::{DType, Tensor};
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
///
/// Moments are f32 whatever the weights are held in, and of weights in a shorter format an exact copy in f32 is kept: a step is often smaller than the
/// last digit of such a weight, and would be lost each time (Micikevicius et al. 2018, arXiv 1710.03740, section 3.1).
#[derive(Clone, Debug)]
pub struct Optimiser {
    /// Its numbers.
    pub settings: Settings,
    pub(super) steps: u64,
    pub(super) first: Weights,
    pub(super) second: Weights,
    pub(super) exact: Weights,
}

impl Optimiser {
    /// Before the first step.
    pub fn new(settings: Settings) -> Self {
        let [first, second, exact] = std::array::from_fn(|_| Weights::new());
        Self { settings, steps: 0, first, second, exact }
    }

    /// Moves every weight that has a gradient. `factor` scales the learning rate of this step.
    ///
    /// # Panics
    /// When a gradient has no weight, or another shape.
    pub fn step(&mut self, weights: &mut Weights, gradients: &Weights, factor: f64) {
        self.step_within(weights, gradients, factor, &Weights::new());
    }

    /// [`Optimiser::step`], in which what `movable` has at 0 neither moves nor decays, nor keeps momentum for later; weights that it does not have move
    /// freely.
    ///
    /// # Panics
    /// As [`Optimiser::step`], and when a weight of `movable` has another shape.
    pub fn step_within(
        &mut self,
        weights: &mut Weights,
        gradients: &Weights,
        factor: f64,
        movable: &Weights,
    ) {
        self.steps += 1;
        let settings = self.numbers(factor);
        for (name, gradient) in gradients {
            // Taken out and let go, so that nobody else holds the storage and it can be written in place.
            let weight = weights
                .remove(name)
                .unwrap_or_else(|| unreachable!("`{name}` has a gradient and no weight"));
            let shape = weight.shape().to_vec();
            let plain = weight.inner();
            drop(weight);
            let held = plain.into_flat();
            let format = held.dtype();
            let exact = self.exactly(name, held);
            let gradient = gradient.flat().cast(DType::F32);
            let mask = movable.get(name).map(|mask| mask.flat().cast(DType::F32));
            let state = self.moved(name, exact, gradient, mask, &settings);
            if format != DType::F32 {
                self.exact.insert(name.clone(), Weight::from_flat(state.weight.clone(), &shape));
            }
            weights.insert(name.clone(), Weight::from_flat(state.weight.cast(format), &shape));
            self.first.insert(name.clone(), Weight::from_flat(state.first, &shape));
            self.second.insert(name.clone(), Weight::from_flat(state.second, &shape));
        }
    }

    /// The numbers of this step.
    fn numbers(&self, factor: f64) -> AdamwSettings {
        let decays = self.settings.rule == Rule::AdamW;
        AdamwSettings {
            lr: self.settings.lr * factor,
            betas: self.settings.betas,
            eps: self.settings.eps,
            weight_decay: if decays { self.settings.weight_decay } else { 0.0 },
            step: usize::try_from(self.steps).unwrap_or(usize::MAX),
        }
    }

    /// One weight after this step, with its moments, which are taken out.
    fn moved(
        &mut self,
        name: &str,
        weight: Tensor<1>,
        mut gradient: Tensor<1>,
        mask: Option<Tensor<1>>,
        settings: &AdamwSettings,
    ) -> AdamwState<1> {
        if self.settings.rule == Rule::Adam && self.settings.weight_decay != 0.0 {
            gradient = gradient + weight.clone() * self.settings.weight_decay;
        }
        let state = match (self.first.remove(name), self.second.remove(name)) {
            (Some(first), Some(second)) => {
                AdamwState { weight, first: first.into_flat(), second: second.into_flat() }
            }
            _ => AdamwState::new(weight),
        };
        let Some(mask) = mask else { return adamw(state, gradient, settings) };
        let (old, stays) = (state.weight.clone(), mask.clone() * -1.0 + 1.0);
        let (first, second) = (state.first * mask.clone(), state.second * mask.clone());
        let state = adamw(AdamwState { first, second, ..state }, gradient, settings);
        AdamwState { weight: state.weight * mask + old * stays, ..state }
    }

    /// A weight in f32: the exact copy, where that is still what the weight is held as. Whoever moved the weight in between has the last word.
    fn exactly(&mut self, name: &str, held: Tensor<1>) -> Tensor<1> {
        let format = held.dtype();
        if format == DType::F32 {
            return held;
        }
        let plain = held.clone().cast(DType::F32);
        let Some(exact) = self.exact.remove(name) else { return plain };
        let exact = exact.flat();
        let moved = exact.clone().cast(format).not_equal(held);
        exact.mask_where(moved, plain)
    }

    /// The same settings before their first step.
    pub fn begun_anew(&self) -> Self {
        Self::new(self.settings)
    }

    /// Both moments, by `first/NAME` and `second/NAME`, and by `exact/NAME` what is kept of weights in a shorter format.
    pub fn moments(&self) -> Weights {
        let moments = self.first.under("first").overlaid(&self.second.under("second"));
        moments.overlaid(&self.exact.under("exact"))
    }

    /// After so many steps, with the moments that [`Optimiser::moments`] gave.
    pub fn resumed(settings: Settings, steps: u64, moments: &Weights) -> Self {
        let [first, second, exact] = ["first", "second", "exact"].map(|part| moments.within(part));
        Self { settings, steps, first, second, exact }
    }

    /// Steps taken so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }
}

/// The same numbers in f32.
pub(super) fn in_f32(weights: &Weights) -> Weights {
    weights.map(|_, weight| weight.to(&weight.device(), DType::F32))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn one(value: f32, format: DType) -> Weights {
        let weight = Weight::from_f32(vec![value], &[1], &Device::flex(), format);
        [("w".to_owned(), weight)].into_iter().collect()
    }

    fn value(weights: &Weights) -> f32 {
        weights.get("w").unwrap().to_f32_vec()[0]
    }

    #[test]
    fn steps_smaller_than_the_last_digit_add_up() {
        let settings = Settings { lr: 1e-4, weight_decay: 0.0, ..Settings::default() };
        let trained = |format| {
            let (mut optimiser, mut weights) = (Optimiser::new(settings), one(1.0, format));
            (0..300).for_each(|_| optimiser.step(&mut weights, &one(0.5, format), 1.0));
            value(&weights)
        };
        let exact = trained(DType::F32);
        assert!((exact - 0.97).abs() < 1e-3, "{exact}");
        // One step moves by 1e-4, where the next number below 1 is 4e-3 away.
        assert!((trained(DType::BF16) - exact).abs() < 2e-3);
    }

    #[test]
    fn what_may_not_move_neither_decays_nor_moves_later() {
        let pair = |values: [f32; 2], format| -> Weights {
            let weight = Weight::from_f32(values.to_vec(), &[2], &Device::flex(), format);
            [("w".to_owned(), weight)].into_iter().collect()
        };
        for format in [DType::F32, DType::BF16] {
            let settings = Settings { lr: 0.1, weight_decay: 0.5, ..Settings::default() };
            let (mut optimiser, mut weights) = (Optimiser::new(settings), pair([1.0, 1.0], format));
            optimiser.step(&mut weights, &pair([0.5, 0.5], format), 1.0);
            let before = weights.get("w").unwrap().to_f32_vec();
            let second = pair([0.0, 1.0], DType::F32);
            (0..3).for_each(|_| {
                optimiser.step_within(&mut weights, &pair([0.0, 0.5], format), 1.0, &second);
            });
            let after = weights.get("w").unwrap().to_f32_vec();
            assert_eq!(after[0], before[0]);
            assert!(after[1] < before[1] - 0.1, "{after:?}");
            assert_eq!(optimiser.moments().get("first/w").unwrap().to_f32_vec()[0], 0.0);
        }
    }

    #[test]
    fn who_moves_a_weight_between_steps_is_believed() {
        let mut optimiser = Optimiser::new(Settings { lr: 1e-4, ..Settings::default() });
        let mut weights = one(1.0, DType::BF16);
        optimiser.step(&mut weights, &one(0.5, DType::BF16), 1.0);
        let mut moved = one(3.0, DType::BF16);
        optimiser.step(&mut moved, &one(0.5, DType::BF16), 1.0);
        assert!((value(&moved) - 3.0).abs() < 0.02, "{}", value(&moved));
    }
}
