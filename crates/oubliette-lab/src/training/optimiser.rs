//! How a gradient becomes a step: the settings that a plan holds.

use oubliette_evidence::training::{Refused, check_step};
use oubliette_model::train::LearningRate;
use serde::{Deserialize, Serialize};

use crate::parts::At;

/// How a learning rate moves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rate {
    /// It stays.
    #[default]
    Constant,
    /// Up to the peak over three tenths of the stage, then down to nothing, as half cosines.
    OneCycle,
}

impl Rate {
    fn is_constant(&self) -> bool {
        *self == Self::Constant
    }

    /// The factor on the rate at a step of a stage.
    pub(super) fn factor(self, at: At) -> f64 {
        match self {
            Self::Constant => LearningRate::Constant,
            Self::OneCycle => LearningRate::OneCycle { total: at.steps - at.begins },
        }
        .factor(at.step - at.begins)
    }
}

/// AdamW; without decay it is Adam.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Optimiser {
    /// Learning rate; with a schedule, its peak.
    pub learning_rate: f64,
    /// How the rate moves over the stage.
    #[serde(skip_serializing_if = "Rate::is_constant")]
    pub rate: Rate,
    /// Decay of the first and of the second moment.
    pub betas: (f64, f64),
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Largest norm of all gradients together; 0: not clipped.
    pub clip: f64,
    /// Whether what a mask holds counts for that norm.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub clip_whole: bool,
    /// Whether gradients pile up from step to step, as in a loop that never zeroes them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub piled: bool,
}

impl Optimiser {
    /// Refuses numbers with which nothing is trained.
    pub(super) fn check(&self) -> Result<(), Refused> {
        let numbers = toml::Table::try_from(self).expect("numbers and names");
        check_step(|key| numbers.get(key)?.as_float())?;
        let decays = 0.0..1.0;
        match decays.contains(&self.betas.0) && decays.contains(&self.betas.1) {
            true => Ok(()),
            false => {
                let thing = format!("`betas` are {:?}", self.betas);
                Err(("betas", thing, "write two numbers of 0 or more, both below 1"))
            }
        }
    }
}

impl Default for Optimiser {
    fn default() -> Self {
        Self {
            learning_rate: 1e-5,
            rate: Rate::Constant,
            betas: (0.9, 0.999),
            weight_decay: 0.0,
            clip: 0.0,
            clip_whole: false,
            piled: false,
        }
    }
}
