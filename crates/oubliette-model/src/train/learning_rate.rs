//! Learning rates that change with the step.

use serde::{Deserialize, Serialize};

/// How the learning rate moves; every kind gives a factor on the peak rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum LearningRate {
    /// Always the peak.
    #[default]
    Constant,
    /// Rises linearly over `warmup` steps, then stays.
    Warmup {
        /// Steps of the rise.
        warmup: u64,
    },
    /// Rises linearly over `warmup` steps, then falls as half a cosine to zero at `total`.
    Cosine {
        /// Steps of the rise.
        warmup: u64,
        /// Steps of the whole run.
        total: u64,
    },
    /// PyTorch's `OneCycleLR` with its defaults: from a 25th up to the peak over three tenths of the run, then down to a
    /// 250 000th, both as half cosines.
    OneCycle {
        /// Steps of the whole run.
        total: u64,
    },
}

impl LearningRate {
    /// The factor on the peak rate at a step, counted from 0.
    pub fn factor(&self, step: u64) -> f64 {
        match *self {
            Self::Constant => 1.0,
            Self::Warmup { warmup } => rise(step, warmup),
            Self::Cosine { warmup, total } => {
                if step < warmup {
                    return rise(step, warmup);
                }
                let share = (step - warmup) as f64 / total.saturating_sub(warmup).max(1) as f64;
                half_cosine(1.0, 0.0, share.min(1.0))
            }
            Self::OneCycle { total } => {
                let (first, last) = (1.0 / 25.0, 1.0 / 25.0 / 1e4);
                let (step, total) = (step as f64, total as f64);
                let top = 0.3 * total - 1.0;
                if step <= top {
                    return half_cosine(first, 1.0, if top > 0.0 { step / top } else { 1.0 });
                }
                half_cosine(1.0, last, ((step - top) / (total - 1.0 - top).max(1e-9)).min(1.0))
            }
        }
    }
}

fn rise(step: u64, warmup: u64) -> f64 {
    // diffusers' and transformers' convention: the first step of a warm-up has rate zero.
    if step < warmup { step as f64 / warmup as f64 } else { 1.0 }
}

fn half_cosine(from: f64, to: f64, share: f64) -> f64 {
    to + (from - to) / 2.0 * (1.0 + (std::f64::consts::PI * share).cos())
}

#[cfg(test)]
mod tests {
    use super::LearningRate;

    #[test]
    fn one_cycle_follows_pytorch() {
        // torch.optim.lr_scheduler.OneCycleLR(max_lr=1, total_steps=10).
        let expected = [
            0.04,
            0.52,
            1.0,
            0.950_484_6,
            0.811_745_1,
            0.611_262_0,
            0.388_742_0,
            0.188_258_3,
            0.049_519_4,
            4e-6,
        ];
        for (step, expected) in expected.into_iter().enumerate() {
            let found = LearningRate::OneCycle { total: 10 }.factor(step as u64);
            assert!((found - expected).abs() < 1e-6, "{step}: {found}");
        }
    }

    #[test]
    fn cosine_ends_at_zero_and_warm_up_reaches_the_peak() {
        let cosine = LearningRate::Cosine { warmup: 4, total: 20 };
        assert_eq!((cosine.factor(0), cosine.factor(2), cosine.factor(4)), (0.0, 0.5, 1.0));
        assert!(cosine.factor(20).abs() < 1e-12);
        assert_eq!(LearningRate::Warmup { warmup: 2 }.factor(7), 1.0);
    }
}
