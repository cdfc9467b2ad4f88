//! Turns a time step into a vector: sines and cosines, then a small network.

use burn::tensor::{DType, Tensor, TensorData};
use oubliette_kernels as kernels;

use crate::networks::shapes::ShapeScope;
use crate::scope::Scope;

/// The longest period of the sines, in time steps.
const LONGEST_PERIOD: f32 = 10_000.0;

/// The time embedding of a U-Net.
#[derive(Clone, Debug)]
pub(crate) struct TimeEmbedding {
    /// Number of sines and cosines.
    pub(crate) waves: usize,
    /// Width of the result.
    pub(crate) width: usize,
    /// Whether cosines come before sines.
    pub(crate) flip_sin_to_cos: bool,
    pub(crate) freq_shift: f64,
}

impl TimeEmbedding {
    pub(crate) fn shapes(&self, at: &mut ShapeScope<'_>) {
        at.linear("linear_1", self.waves, self.width);
        at.linear("linear_2", self.width, self.width);
    }

    /// Time steps (batch) to (batch, width), in the format `dtype` of the weights.
    pub(crate) fn forward(&self, at: &Scope<'_>, t: Tensor<1>, dtype: DType) -> Tensor<2> {
        let waves = self.waves(t.cast(DType::F32)).cast(dtype);
        let h = kernels::silu(at.at("linear_1").linear(waves));
        at.at("linear_2").linear(h)
    }

    /// Computed in `f32` step by step as the reference does: a last-place error of a frequency
    /// is multiplied by up to a thousand time steps.
    fn waves(&self, t: Tensor<1>) -> Tensor<2> {
        let (half, device, [batch]) = (self.waves / 2, t.device(), t.dims());
        let slope = -LONGEST_PERIOD.ln();
        let span = half as f32 - self.freq_shift as f32;
        let frequencies: Vec<f32> = (0..half).map(|i| (slope * i as f32 / span).exp()).collect();
        let frequencies = TensorData::new(frequencies, [1, half]);
        let frequencies = Tensor::<2>::from_data(frequencies, (&device, DType::F32));
        let angles = t.reshape([batch, 1]) * frequencies;
        let (sines, cosines) = (angles.clone().sin(), angles.cos());
        let mut parts =
            if self.flip_sin_to_cos { vec![cosines, sines] } else { vec![sines, cosines] };
        if self.waves % 2 == 1 {
            parts.push(Tensor::zeros([batch, 1], (&device, DType::F32)));
        }
        Tensor::cat(parts, 1)
    }
}
