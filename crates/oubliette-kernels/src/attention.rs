//! Scaled dot-product attention with several heads.

use burn::tensor::{Bool, Tensor, activation};

/// Which keys a query may look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    /// All of them.
    None,
    /// Query `i` sees keys `0..=i`.
    Causal,
}

/// `softmax(q k^T / sqrt(dim)) v` for every head (arXiv 1706.03762).
///
/// `q` (batch, queries, heads * dim), `k` and `v` (batch, keys, heads * dim) give (batch, queries, heads * dim).
/// Heads lie side by side in the last axis, as linear projections leave them.
///
/// # Panics
/// When the shapes do not fit together, `heads` does not divide the last axis, or there is no key.
pub fn attention(q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, heads: usize, mask: Mask) -> Tensor<3> {
    let ([batch, _, width], [_, keys, _]) = (q.dims(), k.dims());
    assert_eq!(k.dims(), [batch, keys, width], "attention: shape of k against q");
    assert_eq!(v.dims(), [batch, keys, width], "attention: shape of v against k");
    assert!(keys > 0, "attention: no keys to look at");
    assert!(
        heads > 0 && width.is_multiple_of(heads),
        "attention: a width of {width} does not split into {heads} heads"
    );
    composed(q, k, v, heads, mask)
}

fn composed(q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, heads: usize, mask: Mask) -> Tensor<3> {
    let ([batch, queries, width], [_, keys, _]) = (q.dims(), k.dims());
    if batch * queries * width == 0 {
        return q;
    }
    let dim = width / heads;
    let split = |x: Tensor<3>, tokens| x.reshape([batch, tokens, heads, dim]).swap_dims(1, 2);
    let (q, k, v) = (split(q, queries), split(k, keys), split(v, keys));
    let mut scores = (q * (dim as f64).powf(-0.5)).matmul(k.transpose());
    if mask == Mask::Causal {
        let above = Tensor::<2, Bool>::tril_mask([queries, keys], 0, &scores.device());
        scores = scores.mask_fill(
            above.unsqueeze::<4>().expand([batch, heads, queries, keys]),
            f32::NEG_INFINITY,
        );
    }
    let out = activation::softmax(scores, 3).matmul(v);
    out.swap_dims(1, 2).reshape([batch, queries, width])
}
