//! The same latents under several prompts: what no prompt has touched yet is computed once, and repeated where the first is met.

use burn::tensor::Tensor;

/// `x` as it stands where it has `rows` rows already; else all of its rows again and again until there are so many.
///
/// # Panics
/// When `rows` is not a multiple of those of `x`.
pub(crate) fn repeated<const D: usize>(x: Tensor<D>, rows: usize) -> Tensor<D> {
    let own = x.dims()[0];
    if own == rows {
        return x;
    }
    assert!(own > 0 && rows > 0 && rows.is_multiple_of(own), "{own} rows under {rows} prompts");
    x.repeat_dim(0, rows / own)
}
