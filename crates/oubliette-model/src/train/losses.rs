//! The losses that models are trained with; each gives one number.

use burn::tensor::{Int, Tensor, TensorData};
use oubliette_kernels::softmax_cross_entropy;
use serde::{Deserialize, Serialize};

/// Mean squared difference.
pub fn mean_squared<const D: usize>(found: Tensor<D>, wanted: Tensor<D>) -> Tensor<1> {
    (found - wanted).powi_scalar(2).mean()
}

/// Mean absolute difference.
pub fn mean_absolute<const D: usize>(found: Tensor<D>, wanted: Tensor<D>) -> Tensor<1> {
    (found - wanted).abs().mean()
}

/// CLIP's loss (Radford et al. 2021, arXiv 2103.00020, figure 3): `logits` (pictures, texts), pair i belongs together;
/// the mean of the cross-entropies over rows and over columns.
pub fn contrastive(logits: Tensor<2>) -> Tensor<1> {
    let [pairs, _] = logits.dims();
    let own: Vec<usize> = (0..pairs).collect();
    let wanted = indices(&own, &logits);
    let pictures = softmax_cross_entropy(logits.clone(), wanted.clone());
    (pictures + softmax_cross_entropy(logits.transpose(), wanted)) / 2.0
}

fn indices(labels: &[usize], like: &Tensor<2>) -> Tensor<1, Int> {
    let labels: Vec<i64> = labels.iter().map(|label| *label as i64).collect();
    let count = labels.len();
    Tensor::from_data(TensorData::new(labels, [count]), &like.device().inner())
}

/// How an autoencoder's picture is compared with the one it was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// Mean absolute difference.
    #[default]
    Absolute,
    /// Mean squared difference.
    Squared,
}

/// An autoencoder's loss: the difference of `found` and `wanted` (batch, channels, height, width), plus `weight` times
/// [`divergence`].
pub fn autoencoder(
    difference: Difference,
    (found, wanted): (Tensor<4>, Tensor<4>),
    (mean, log_variance): (Tensor<4>, Tensor<4>),
    weight: f64,
) -> Tensor<1> {
    let picture = match difference {
        Difference::Absolute => mean_absolute(found, wanted),
        Difference::Squared => mean_squared(found, wanted),
    };
    picture + divergence(mean, log_variance) * weight
}

/// The divergence of the latents' Gaussian from the unit one, as a mean over all values.
pub fn divergence(mean: Tensor<4>, log_variance: Tensor<4>) -> Tensor<1> {
    (mean.powi_scalar(2) + log_variance.clone().exp() - 1.0 - log_variance).mean() * 0.5
}
