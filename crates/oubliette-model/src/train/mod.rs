//! The training step: gradients by name, optimisers, losses, schedules and bit-exact checkpoints.
//!
//! Nothing here keeps the state of a random generator: what is random in a step is derived from the run's seed and the
//! step's number ([`StepRandom`]), so a resumed run draws what an undisturbed one would have drawn.

mod checkpoint;
mod clip;
mod denoising;
mod ema;
mod gradients;
pub mod jobs;
mod learning_rate;
pub mod losses;
mod memory;
mod optimiser;
mod random;
mod trainer;

pub use checkpoint::Checkpoint;
pub use clip::{clip_global_norm, global_norm};
pub use denoising::Noisy;
pub use ema::Ema;
pub use gradients::{Accumulator, value_and_gradients};
pub use learning_rate::LearningRate;
pub use memory::{Copies, Estimate, TrainingShape, estimate};
pub use optimiser::{Optimiser, Rule, Settings};
pub use random::StepRandom;
pub use trainer::{Report, Trainer, TrainerSettings};
