//! When an adversarial anchor learns, and when the weights do.

use serde::{Deserialize, Serialize};

/// The order of the anchor's steps and the weights' steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// The anchor learns before every step of the weights, from the same pictures.
    #[default]
    Alternating,
    /// The anchor learns first, for `period` steps, and then no more.
    Sequential,
    /// `period` steps of the anchor, `period` steps of the weights, again and again.
    Cyclical,
}

impl Schedule {
    /// In how many steps only the anchor learns, beside `training` steps of the weights.
    pub(super) fn alone(self, period: u64, training: u64) -> u64 {
        match self {
            Self::Alternating => 0,
            Self::Sequential => period,
            Self::Cyclical => training.div_ceil(period.max(1)) * period,
        }
    }

    /// Whether only the anchor learns in step `step`.
    pub(super) fn is_alone(self, period: u64, step: u64) -> bool {
        match self {
            Self::Alternating => false,
            Self::Sequential => step < period,
            Self::Cyclical => step % (2 * period.max(1)) < period,
        }
    }

    /// Whether the anchor also learns in the weights' own steps.
    pub(super) fn accompanies(self) -> bool {
        self == Self::Alternating
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schedule_leaves_the_weights_their_steps() {
        for schedule in [Schedule::Alternating, Schedule::Sequential, Schedule::Cyclical] {
            for training in [1, 4, 7, 12] {
                let total = schedule.alone(4, training) + training;
                let moving = (0..total).filter(|&step| !schedule.is_alone(4, step)).count() as u64;
                assert_eq!(moving, training, "{schedule:?}, {training}");
            }
        }
    }
}
