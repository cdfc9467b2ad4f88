//! Gradients of a loss by the names of the weights, and nothing for weights that stay.

use std::collections::BTreeSet;

use burn::tensor::{GradientCheckpointingStrategy, Tensor};

use crate::error::{Error, Result};
use crate::weights::{Weight, Weights};

/// The loss and its gradients with respect to the weights named in `trainable`.
///
/// Only those become part of a graph. Everything else, inputs too, stays outside autodiff, so what is computed from
/// frozen weights alone keeps no activations and nothing flows back below the lowest trained layer. A trainable weight
/// that the loss does not depend on gets zeros. Where most weights are trained, what is cheap to compute again (norms,
/// activations) is not kept for the backward; where few are, hardly any of it would be. Neither changes a bit.
///
/// # Errors
/// When a name is no weight, the loss fails, or the loss depends on none of them.
pub fn value_and_gradients(
    weights: &Weights,
    trainable: &BTreeSet<String>,
    loss: impl FnOnce(&Weights) -> Result<Tensor<1>>,
) -> Result<(f64, Weights)> {
    let chosen = weights.only(trainable);
    let strategy = match 2 * chosen.count() >= weights.count() {
        true => GradientCheckpointingStrategy::Balanced,
        false => GradientCheckpointingStrategy::Disabled,
    };
    if let Some(name) = trainable.iter().find(|name| !chosen.contains(name)) {
        return Err(unknown(name));
    }
    let leaves = chosen.map(|_, weight| leaf(weight, strategy));
    let loss = loss(&weights.overlaid(&leaves))?;
    if !loss.is_tracked() {
        let remedy = "train weights of a component that the loss uses";
        return Err(Error::setting(
            "trainable",
            "names no weight that the loss depends on",
            remedy,
        ));
    }
    let value = f64::from(loss.clone().inner().into_scalar::<f32>());
    let mut gradients = loss.backward();
    let gradient =
        |leaf: &Weight| leaf.take_gradient(&mut gradients).unwrap_or_else(|| zeros(leaf));
    let gradients = leaves.map({
        let mut gradient = gradient;
        move |_, leaf| gradient(leaf)
    });
    Ok((value, gradients))
}

fn unknown(name: &str) -> Error {
    Error::setting(
        "trainable",
        format!("names `{name}`, which is no weight"),
        "list the model's weights",
    )
}

/// The weight as the leaf of a new graph.
fn leaf(weight: &Weight, strategy: GradientCheckpointingStrategy) -> Weight {
    fn lift<const D: usize>(weight: &Weight, strategy: GradientCheckpointingStrategy) -> Weight {
        let tensor = weight.tensor::<D>().inner().autodiff();
        Weight::new(tensor.with_gradient_checkpointing_strategy(strategy).require_grad())
    }
    match weight.shape().len() {
        1 => lift::<1>(weight, strategy),
        2 => lift::<2>(weight, strategy),
        3 => lift::<3>(weight, strategy),
        _ => lift::<4>(weight, strategy),
    }
}

fn zeros(leaf: &Weight) -> Weight {
    Weight::from_flat(leaf.flat().inner().zeros_like(), leaf.shape())
}

/// Sums the gradients of micro-batches and gives their mean.
#[derive(Clone, Debug, Default)]
pub struct Accumulator {
    sum: Option<Weights>,
    count: usize,
}

impl Accumulator {
    /// Adds the gradients of one micro-batch.
    pub fn add(&mut self, gradients: Weights) {
        self.count += 1;
        self.sum = Some(match self.sum.take() {
            None => gradients,
            Some(sum) => sum.joined(gradients),
        });
    }

    /// The mean over the micro-batches since the last time, and none when there were none.
    pub fn take(&mut self) -> Option<Weights> {
        let (sum, count) = (self.sum.take()?, std::mem::take(&mut self.count));
        match count {
            1 => Some(sum),
            _ => {
                Some(sum.map(|_, held| Weight::from_flat(held.flat() / count as f64, held.shape())))
            }
        }
    }
}
