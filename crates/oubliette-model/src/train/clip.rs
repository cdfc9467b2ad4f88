//! Clipping by the norm of all gradients together.

use crate::weights::Weights;

/// Scales all gradients so that their common norm is at most `max`; returns the norm before.
///
/// The norm is summed in f64, in the order of the names, so it does not depend on the number of threads. The small number
/// below the fraction is PyTorch's.
pub fn clip_global_norm(gradients: Weights, max: f64) -> (f64, Weights) {
    let norm = global_norm(&gradients);
    let scale = max / (norm + 1e-6);
    if scale >= 1.0 || !norm.is_finite() {
        return (norm, gradients);
    }
    (norm, gradients.scaled(scale))
}

/// The Euclidean norm of all values of all tensors.
pub fn global_norm(gradients: &Weights) -> f64 {
    gradients.iter().map(|(_, gradient)| gradient.dot(gradient)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Weight;
    use burn::tensor::{Device, Tensor};

    #[test]
    fn clips_to_the_norm_and_leaves_small_gradients_alone() {
        let tensor = Tensor::<1>::from_floats([3.0, 4.0], &Device::flex());
        let gradients: Weights = [("a".to_owned(), Weight::new(tensor))].into_iter().collect();
        let (norm, clipped) = clip_global_norm(gradients.clone(), 1.0);
        assert_eq!(norm, 5.0);
        assert!((global_norm(&clipped) - 1.0).abs() < 1e-6);
        let (_, same) = clip_global_norm(gradients, 10.0);
        assert_eq!(same.get("a").unwrap().to_f32_vec(), [3.0, 4.0]);
    }
}
