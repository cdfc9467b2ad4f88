//! Nearest-neighbour upsampling.

use burn::tensor::Tensor;

use crate::array::Array;
use crate::buffer::unwritten;
use crate::op::{Kernel, apply, takes};
use crate::parallel;

/// Every pixel of `x` (n, c, h, w) becomes a 2x2 square: (n, c, 2h, 2w).
pub fn upsample_nearest_2x(x: Tensor<4>) -> Tensor<4> {
    if !takes(&x) {
        return composed(x);
    }
    Tensor::from_dispatch(apply(Upsample, [x.into_dispatch()]))
}

fn composed(x: Tensor<4>) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    let x = x.reshape([n * c, h, 1, w, 1]);
    x.expand([n * c, h, 2, w, 2]).reshape([n, c, 2 * h, 2 * w])
}

#[derive(Clone, Debug)]
struct Upsample;

/// Rows of the small image of one task, about this many values.
const TOGETHER: usize = 1 << 12;

impl Kernel<1> for Upsample {
    type Saved = ();
    const CHEAP: bool = true;

    fn forward(&self, [x]: [Array; 1]) -> (Array, ()) {
        let [n, c, h, w] = x.dims();
        let rows = TOGETHER.div_ceil(w.max(1));
        let mut y = unwritten(4 * x.data().len());
        parallel::chunks(&mut y, (rows * 4 * w).max(1), 4 * x.data().len(), |task, y| {
            let x = &x.data()[task * rows * w..][..y.len() / 4];
            for (x, y) in x.chunks_exact(w).zip(y.chunks_exact_mut(4 * w)) {
                let (top, bottom) = y.split_at_mut(2 * w);
                top.chunks_exact_mut(2).zip(x).for_each(|(pair, x)| pair.fill(*x));
                bottom.copy_from_slice(top);
            }
        });
        (Array::new(y, &[n, c, 2 * h, 2 * w]), ())
    }

    fn reads(&self, _: [bool; 1]) -> [bool; 1] {
        [false]
    }

    fn backward(
        &self,
        _: [Option<Array>; 1],
        _: (),
        gradient: Array,
        _: [bool; 1],
    ) -> [Option<Array>; 1] {
        let [n, c, h, w] = gradient.dims();
        let (h, w) = (h / 2, w / 2);
        let rows = TOGETHER.div_ceil(w.max(1));
        let mut dx = unwritten(n * c * h * w);
        parallel::chunks(&mut dx, (rows * w).max(1), gradient.data().len(), |task, dx| {
            let gradient = &gradient.data()[task * rows * 4 * w..][..4 * dx.len()];
            for (gradient, dx) in gradient.chunks_exact(4 * w).zip(dx.chunks_exact_mut(w)) {
                let (top, bottom) = gradient.split_at(2 * w);
                let squares = top.chunks_exact(2).zip(bottom.chunks_exact(2));
                dx.iter_mut()
                    .zip(squares)
                    .for_each(|(dx, (a, b))| *dx = (a[0] + a[1]) + (b[0] + b[1]));
            }
        });
        [Some(Array::new(dx, &[n, c, h, w]))]
    }
}
