//! Scaled dot-product attention with several heads.

mod backward;
mod forward;
mod heads;

use std::sync::Arc;

use burn::tensor::{Bool, Tensor, activation};

use crate::array::Array;
use crate::op::{Kernel, apply, takes};
use heads::Heads;

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
/// Heads lie side by side in the last axis, as linear projections leave them. Where `k` and `v` are narrower, each of
/// their heads serves as many neighbouring heads of `q` (grouped queries, arXiv 2305.13245).
///
/// # Panics
/// When the shapes do not fit together, `heads` does not divide the last axis, or there is no key.
pub fn attention(q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, heads: usize, mask: Mask) -> Tensor<3> {
    let ([batch, _, width], [_, keys, narrow]) = (q.dims(), k.dims());
    assert_eq!(k.dims(), [batch, keys, narrow], "attention: shape of k against q");
    assert_eq!(v.dims(), [batch, keys, narrow], "attention: shape of v against k");
    assert!(keys > 0, "attention: no keys to look at");
    assert!(
        heads > 0 && width.is_multiple_of(heads),
        "attention: a width of {width} does not split into {heads} heads"
    );
    let dim = width / heads;
    let shared = if dim == 0 { 1 } else { width / narrow.max(1) };
    assert!(
        narrow * shared == width && (dim == 0 || narrow.is_multiple_of(dim)),
        "attention: keys of width {narrow} do not serve {heads} heads of {dim}"
    );
    let empty = q.dims().contains(&0);
    if empty || !takes(&q) || !takes(&k) || !takes(&v) {
        return composed(q, k, v, heads, mask);
    }
    let inputs = [q.into_dispatch(), k.into_dispatch(), v.into_dispatch()];
    Tensor::from_dispatch(apply(Attention { heads, mask }, inputs))
}

fn composed(q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, heads: usize, mask: Mask) -> Tensor<3> {
    let ([batch, queries, width], [_, keys, _]) = (q.dims(), k.dims());
    if batch * queries * width == 0 {
        return q;
    }
    let dim = width / heads;
    let split = |x: Tensor<3>, tokens| {
        let (own, all) = (x.dims()[2] / dim, width / x.dims()[2]);
        let x = x.reshape([batch, tokens, own, 1, dim]).expand([batch, tokens, own, all, dim]);
        x.reshape([batch, tokens, heads, dim]).swap_dims(1, 2)
    };
    let (q, k, v) = (split(q, queries), split(k, keys), split(v, keys));
    let mut scores = (q * (dim as f64).powf(-0.5)).matmul(k.transpose());
    if mask == Mask::Causal {
        let above = Tensor::<2, Bool>::tril_mask([queries, keys], 0, &scores.device());
        let above = above.unsqueeze::<4>().expand([batch, heads, queries, keys]);
        scores = scores.mask_fill(above, f32::NEG_INFINITY);
    }
    let out = activation::softmax(scores, 3).matmul(v);
    out.swap_dims(1, 2).reshape([batch, queries, width])
}

/// Inputs: q, k, v.
#[derive(Clone, Debug)]
struct Attention {
    heads: usize,
    mask: Mask,
}

impl Kernel<3> for Attention {
    /// For each batch, head and query the logarithm of the sum that the softmax divides by.
    type Saved = Arc<Vec<f32>>;
    const CHEAP: bool = false;

    fn forward(&self, [q, k, v]: [Array; 3]) -> (Array, Self::Saved) {
        let heads = Heads::new(&q, &k, self.heads, self.mask);
        let (out, logarithms) = forward::run(&heads, q.data(), k.data(), v.data());
        (Array::new(out, q.shape()), Arc::new(logarithms))
    }

    fn reads(&self, [q, k, _]: [bool; 3]) -> [bool; 3] {
        [true, true, q || k]
    }

    fn backward(
        &self,
        [q, k, v]: [Option<Array>; 3],
        saved: Self::Saved,
        gradient: Array,
        wanted: [bool; 3],
    ) -> [Option<Array>; 3] {
        let (Some(q), Some(k)) = (q, k) else { return [None, None, None] };
        let heads = Heads::new(&q, &k, self.heads, self.mask);
        let operands = backward::Operands {
            q: q.data(),
            k: k.data(),
            v: v.as_ref().map(Array::data),
            gradient: gradient.data(),
            logarithms: &saved,
        };
        let [dq, dk, dv] = backward::run(&heads, &operands, wanted);
        [
            dq.map(|dq| Array::new(dq, q.shape())),
            dk.map(|dk| Array::new(dk, k.shape())),
            dv.map(|dv| Array::new(dv, k.shape())),
        ]
    }
}
