//! Gradients of a loss that may fail for reasons of ours.

use std::collections::BTreeSet;

use burn::tensor::Tensor;
use oubliette_model::{Weights, train::value_and_gradients};

use crate::{Result, parts::Gradients};

/// The loss and its gradients with respect to the weights named in `moving`.
///
/// # Errors
/// Those of `loss`, as they are: the model's own errors are all that the model core could carry.
pub(crate) fn gradients(
    weights: &Weights,
    moving: &BTreeSet<String>,
    loss: impl FnOnce(&Weights) -> Result<Tensor<1>>,
) -> Result<Gradients> {
    let mut refused = None;
    let found = value_and_gradients(weights, moving, |weights| {
        loss(weights).map_err(|error| {
            refused = Some(error);
            oubliette_model::Error::Interrupted
        })
    });
    match (found, refused) {
        (Err(_), Some(error)) => Err(error),
        (found, _) => {
            let (loss, by_name) = found?;
            Ok(Gradients { loss, by_name })
        }
    }
}
