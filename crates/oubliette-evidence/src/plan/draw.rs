//! Draws: which prompt and which image seed come i-th, derived by hashing, so that nothing is random.

use sha2::{Digest as _, Sha256};

use super::{Arm, Stage};
use crate::prompt::MAX_SEED;

/// One draw of an arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// Place of the prompt in the arm's list.
    pub prompt: u32,
    /// Image seed, below 2^53.
    pub seed: u64,
}

impl Arm {
    /// Draw `index` of this arm. It does not depend on the subject or the run, so that subjects are
    /// compared on the same prompts and seeds; arms that share a stream share their draws.
    pub fn draw(&self, plan_seed: u64, stage: Stage, index: u32) -> Draw {
        let stage_name = match stage {
            Stage::Main => "main".to_owned(),
            Stage::Worst(prompt) => format!("worst {prompt}"),
        };
        let (first, second) =
            hash(&["draw", &plan_seed.to_string(), &self.stream, &stage_name, &index.to_string()]);
        let prompt = match stage {
            Stage::Main => below(first, self.prompts.len()),
            Stage::Worst(prompt) => prompt,
        };
        let own = self.prompts.get(prompt as usize).and_then(|prompt| prompt.seed);
        let seed = match (own, stage) {
            (Some(seed), Stage::Main) => seed,
            _ => second & MAX_SEED,
        };
        Draw { prompt, seed }
    }
}

/// The seed of training run `run` of a series of arms (or of a single arm, by its id).
pub fn training_seed(plan_seed: u64, series: &str, run: u32) -> u64 {
    hash(&["training", &plan_seed.to_string(), series, &run.to_string()]).0 & MAX_SEED
}

/// SHA-256 of the parts, each followed by a line end, as two big-endian numbers.
pub(crate) fn hash(parts: &[&str]) -> (u64, u64) {
    let mut hasher = Sha256::new();
    hasher.update(b"oubliette 1\n");
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update(b"\n");
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let number = |at: usize| {
        let bytes = digest.iter().skip(at).take(8);
        bytes.fold(0u64, |number, byte| number << 8 | u64::from(*byte))
    };
    (number(0), number(8))
}

/// A number below `n`, all equally likely up to one part in 2^64 / n (Lemire 2019, without the
/// rejection step).
fn below(random: u64, n: usize) -> u32 {
    ((u128::from(random) * n as u128) >> 64) as u32
}
