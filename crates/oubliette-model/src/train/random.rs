//! What is random in one step, derived from the seed and the step's number.

use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use rand_distr::StandardNormal;
use sha2::{Digest, Sha256};

/// The random numbers of one step of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRandom {
    seed: u64,
    step: u64,
}

impl StepRandom {
    /// The numbers of step `step` of the run with seed `seed`.
    pub fn new(seed: u64, step: u64) -> Self {
        Self { seed, step }
    }

    /// The step.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// A generator for one purpose; other purposes do not disturb it.
    pub fn of(&self, purpose: &str) -> ChaCha12Rng {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_le_bytes());
        hash.update(self.step.to_le_bytes());
        hash.update(purpose.as_bytes());
        ChaCha12Rng::from_seed(hash.finalize().into())
    }

    /// Unit normal noise.
    pub fn noise<const D: usize>(
        &self,
        purpose: &str,
        shape: [usize; D],
        device: &Device,
    ) -> Tensor<D> {
        let mut generator = self.of(purpose);
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|_| generator.sample(StandardNormal)).collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// Noise levels, uniform over a schedule of `levels`.
    pub fn times(&self, batch: usize, levels: usize) -> Vec<usize> {
        let mut generator = self.of("times");
        (0..batch).map(|_| generator.random_range(0..levels)).collect()
    }

    /// Which `batch` of `count` items this step shows: an epoch is a permutation, and epochs differ.
    pub fn items(&self, batch: usize, count: usize) -> Vec<usize> {
        let first = self.step as usize * batch;
        let place = |at: usize| {
            let (epoch, index) = (at / count, at % count);
            Self::new(self.seed, epoch as u64).permutation(count)[index]
        };
        (first..first + batch).map(place).collect()
    }

    /// A permutation of `0..count`.
    fn permutation(&self, count: usize) -> Vec<usize> {
        let mut generator = self.of("epoch");
        let mut order: Vec<usize> = (0..count).collect();
        for last in (1..count).rev() {
            order.swap(last, generator.random_range(0..=last));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_draws_the_same_again_and_steps_differ() {
        let draw = |seed, step| StepRandom::new(seed, step).times(8, 1000);
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }

    #[test]
    fn an_epoch_shows_everything_once() {
        let mut seen: Vec<_> =
            (0..5).flat_map(|step| StepRandom::new(7, step).items(2, 10)).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
    }
}
