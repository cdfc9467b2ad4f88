//! The update that somebody else is imagined to make.

use oubliette_model::{
    Weights,
    train::{Optimiser, Rule, Settings},
};
use serde::{Deserialize, Serialize};

/// How an imagined update moves the weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Update {
    /// Rate times gradient, as papers write it. At a rate that is usual for Adam it hardly moves anything.
    #[default]
    Descent,
    /// Adam, begun anew: every weight moves by about the rate, as in a real fine-tune.
    Adam,
}

/// An update under way.
pub(super) enum Imagined {
    Descent(f64),
    Adam(Optimiser),
}

impl Update {
    /// Before its first step.
    pub(super) fn begin(self, rate: f64) -> Imagined {
        match self {
            Self::Descent => Imagined::Descent(rate),
            Self::Adam => {
                let settings = Settings {
                    rule: Rule::AdamW,
                    lr: rate,
                    weight_decay: 0.0,
                    ..Settings::default()
                };
                Imagined::Adam(Optimiser::new(settings))
            }
        }
    }
}

impl Imagined {
    /// The weights after one step more.
    pub(super) fn step(&mut self, weights: &Weights, slope: &Weights) -> Weights {
        match self {
            Self::Descent(rate) => weights.plus(slope, -*rate),
            Self::Adam(optimiser) => {
                let mut there = weights.clone();
                optimiser.step(&mut there, slope, 1.0);
                there
            }
        }
    }
}
