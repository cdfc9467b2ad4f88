//! How much memory a training run will want, said before it starts.

use std::collections::BTreeSet;
use std::fmt;

use super::Memory;
use crate::weights::Weights;

/// What a training step looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrainingShape {
    /// Samples of a micro-batch.
    pub batch: usize,
    /// Height and width of the latents.
    pub latent: (usize, usize),
    /// Levels of the U-Net; each but the first halves height and width.
    pub levels: usize,
    /// Tokens of a prompt.
    pub tokens: usize,
    /// What is kept for the backward pass.
    pub memory: Memory,
    /// Whether an average of the weights is kept.
    pub ema: bool,
}

/// Bytes that a run is expected to hold at its peak.
///
/// On the CPU, for a miniature U-Net of 6 million weights with latents of 16 x 16, batches of 4 and 16, trained
/// whole, in its cross-attention or in that's keys and values, measured peaks lay within a tenth of it. Larger
/// models and other devices were not measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// The model's weights.
    pub weights: u64,
    /// Gradients, moments and the average.
    pub training: u64,
    /// What the forward pass leaves for the backward pass.
    pub activations: u64,
}

impl Estimate {
    /// All of it.
    pub fn total(&self) -> u64 {
        self.weights + self.training + self.activations
    }

    /// What to change when the run does not fit into `available` bytes; none when it does.
    pub fn advice(&self, available: u64) -> Option<String> {
        if self.total() <= available {
            return None;
        }
        let largest = self.weights.max(self.training).max(self.activations);
        let change = if largest == self.activations {
            "take a smaller batch with accumulation, or switch gradient checkpointing on"
        } else if largest == self.training {
            "train fewer weights (`attn2`, `attn2-kv`) or a LoRA"
        } else {
            "hold the weights in f16 or bf16, or use a machine with more memory"
        };
        Some(format!(
            "the run wants about {} and {} are free; {change}",
            size(self.total()),
            size(available)
        ))
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (weights, training) = (size(self.weights), size(self.training));
        let (activations, total) = (size(self.activations), size(self.total()));
        write!(
            f,
            "about {total}: weights {weights}, gradients and moments {training}, activations {activations}"
        )
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000_000 => format!("{:.0} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// The expectation for a run that trains `trainable` of `weights`.
pub fn estimate(
    weights: &Weights,
    trainable: &BTreeSet<String>,
    shape: &TrainingShape,
) -> Estimate {
    let bytes = |w: &crate::Weight| (w.len() * w.dtype().size()) as u64;
    let trained: u64 = weights.only(trainable).iter().map(|(_, w)| 4 * w.len() as u64).sum();
    let copies = 3 + u64::from(shape.ema);
    let unet = trainable.iter().any(|name| name.starts_with("unet/"));
    let text = trainable.iter().any(|name| name.starts_with("text_encoder/"));
    let mut floats = 0.0;
    for (name, weight) in weights {
        let held = match name.split_once('/') {
            Some(("unet", name)) if unet || text => places(name, shape),
            Some(("text_encoder", _)) if text => shape.tokens,
            _ => continue,
        };
        let &[out, input, ..] = weight.shape() else { continue };
        // A trained layer keeps what went in; every layer's output passes a norm, an activation or a sum that keeps it.
        let kept = if trainable.contains(name) { input + out } else { out };
        floats += (kept * held) as f64;
    }
    // Measured: a quarter of the activations belongs to operations that are cheap to do again.
    let share = if shape.memory == Memory::Recompute { 0.75 } else { 1.0 };
    Estimate {
        weights: weights.iter().map(|(_, w)| bytes(w)).sum(),
        training: copies * trained,
        activations: (4.0 * floats * shape.batch as f64 * share) as u64,
    }
}

/// At how many places of a sample a layer of the U-Net is applied.
fn places(name: &str, shape: &TrainingShape) -> usize {
    let index = |prefix: &str| name.strip_prefix(prefix)?.split('.').next()?.parse::<usize>().ok();
    let deepest = shape.levels.saturating_sub(1);
    let level = match (index("down_blocks."), index("up_blocks.")) {
        (Some(level), _) => level,
        (_, Some(level)) => deepest.saturating_sub(level),
        _ if name.starts_with("mid_block") => deepest,
        _ => 0,
    };
    let once = name.contains("time_emb");
    let per_token = name.contains("attn2.to_k") || name.contains("attn2.to_v");
    match (once, per_token) {
        (true, _) => 1,
        (_, true) => shape.tokens,
        _ => (shape.latent.0 >> level).max(1) * (shape.latent.1 >> level).max(1),
    }
}
