//! How a gradient becomes a step: the settings that a plan holds.

use serde::{Deserialize, Serialize};

/// AdamW; without decay it is Adam.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Optimiser {
    /// Learning rate, constant.
    pub learning_rate: f64,
    /// Decay of the first and of the second moment.
    pub betas: (f64, f64),
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Largest norm of all gradients together; 0: not clipped.
    pub clip: f64,
}

impl Default for Optimiser {
    fn default() -> Self {
        Self { learning_rate: 1e-5, betas: (0.9, 0.999), weight_decay: 0.0, clip: 0.0 }
    }
}
