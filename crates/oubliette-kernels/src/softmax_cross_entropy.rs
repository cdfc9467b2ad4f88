//! Cross-entropy of a softmax, as a mean over the batch.

use burn::tensor::{Int, Tensor, activation};

/// Mean over the batch of `-log softmax(logits)[target]`: `logits` (n, classes), `targets` (n) give (1).
///
/// # Panics
/// When `targets` is not (n), or the batch is empty.
pub fn softmax_cross_entropy(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    let [n, _] = logits.dims();
    assert!(n > 0, "softmax_cross_entropy: an empty batch has no mean");
    assert_eq!(targets.dims(), [n], "softmax_cross_entropy: one target for each row of logits");
    composed(logits, targets)
}

fn composed(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    let [n, _] = logits.dims();
    let chosen = activation::log_softmax(logits, 1).gather(1, targets.reshape([n, 1]));
    chosen.mean().neg()
}
