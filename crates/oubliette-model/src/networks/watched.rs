//! What pixels look at in the prompt, kept while a denoiser runs.

use std::cell::RefCell;

use burn::tensor::{Tensor, activation::softmax};

/// The queries and keys of one cross-attention.
#[derive(Clone, Debug)]
pub struct Attended {
    /// (batch, pixels, width)
    pub queries: Tensor<3>,
    /// (batch, tokens, width)
    pub keys: Tensor<3>,
    /// Heads that the width is divided into.
    pub heads: usize,
    /// (batch, pixels, width): what an eraser behind it adds, where there is one.
    pub erased: Option<Tensor<3>>,
}

impl Attended {
    /// How much each pixel looks at each token: (batch, heads, pixels, tokens), every row adding up to one.
    pub fn map(&self) -> Tensor<4> {
        let heads = |x: &Tensor<3>| {
            let [batch, rows, width] = x.dims();
            x.clone().reshape([batch, rows, self.heads, width / self.heads]).swap_dims(1, 2)
        };
        let (queries, keys) = (heads(&self.queries), heads(&self.keys));
        let scale = (queries.dims()[3] as f64).sqrt();
        softmax(queries.matmul(keys.swap_dims(2, 3)) / scale, 3)
    }
}

/// Every cross-attention of one forward pass, in the order of the network.
#[derive(Debug, Default)]
pub struct Watched(RefCell<Vec<Attended>>);

impl Watched {
    pub(crate) fn add(&self, attended: Attended) {
        self.0.borrow_mut().push(attended);
    }

    /// What the eraser behind the last one has added.
    pub(crate) fn add_erased(&self, erased: Tensor<3>) {
        if let Some(last) = self.0.borrow_mut().last_mut() {
            last.erased = Some(erased);
        }
    }

    /// What was seen.
    pub fn into_seen(self) -> Vec<Attended> {
        self.0.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution};

    #[test]
    fn every_pixel_divides_one_among_the_tokens() {
        let random =
            |shape| Tensor::<3>::random(shape, Distribution::Normal(0.0, 1.0), &Device::flex());
        let attended = Attended {
            queries: random([2, 5, 8]),
            keys: random([2, 3, 8]),
            heads: 2,
            erased: None,
        };
        let map = attended.map();
        assert_eq!(map.dims(), [2, 2, 5, 3]);
        let sums: Vec<f32> = map.sum_dim(3).into_data().try_into_vec().unwrap();
        assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-5), "{sums:?}");
    }
}
