//! How much memory a training run will want, said before it starts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use burn::tensor::DType;
use bytesize::ByteSize;

use crate::attached::ATTACHED;
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
    /// Whether blocks are computed again in the backward pass.
    pub recompute: bool,
    /// Rank of the adapter that is trained in place of the weights, where one is.
    pub rank: Option<usize>,
    /// What is held of everything that is trained beside gradient and moments.
    pub beside: Copies,
}

/// Copies of what is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copies {
    /// In the format of the weights: a second side's gradient, the weights of an update that is imagined.
    pub held: u64,
    /// In f32 whatever the format: an average, a mask.
    pub exact: u64,
}

/// Bytes that a run is expected to hold at its peak.
///
/// Measured on the CPU with a miniature U-Net of 6 million weights and latents of 8 x 8, batches of 8 and 64, trained whole, in
/// its cross-attention or by LoRA, with and without blocks computed again: peaks lay within 7 in 100 of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// The model's weights.
    pub weights: u64,
    /// The student, its gradients, moments and what is beside them.
    pub training: u64,
    /// What the forward pass leaves for the backward pass.
    pub activations: u64,
}

/// What the program holds before it loads a model.
const PROGRAM: u64 = 25_000_000;

impl Estimate {
    /// All of it.
    pub fn total(&self) -> u64 {
        self.held() + self.training + self.activations
    }

    /// What is there whatever is done.
    pub fn held(&self) -> u64 {
        PROGRAM + self.weights
    }

    /// What to change when the run does not fit into `available` bytes; none when it does.
    pub fn advice(&self, available: u64) -> Option<String> {
        if self.total() <= available {
            return None;
        }
        let largest = self.weights.max(self.training).max(self.activations);
        let change = if largest == self.activations {
            "take a smaller batch"
        } else if largest == self.training {
            "train fewer weights (`attn2`, `attn2-kv`) or a LoRA"
        } else {
            "hold the weights in f16 or bf16, or use a machine with more memory"
        };
        Some(format!(
            "the run wants about {} and {} are free; {change}",
            words(self.total()),
            words(available)
        ))
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (weights, training) = (words(self.weights), words(self.training));
        let (activations, total) = (words(self.activations), words(self.total()));
        write!(
            f,
            "about {total}: program {}, weights {weights}, gradients and moments {training}, activations {activations}",
            words(PROGRAM)
        )
    }
}

/// In decimal units, as memory is bought.
fn words(bytes: u64) -> bytesize::Display {
    ByteSize(bytes).display().si()
}

/// The expectation for a run that trains `trainable` of `weights`.
pub fn estimate(
    weights: &Weights,
    trainable: &BTreeSet<String>,
    shape: &TrainingShape,
) -> Estimate {
    let bytes = |w: &crate::Weight| (w.len() * w.dtype().size()) as u64;
    let a_value = |w: &crate::Weight| {
        // The student, once it differs from the original, and its gradient; two moments; in a shorter format the exact copy.
        let exact = 2 + u64::from(w.dtype() != DType::F32) + shape.beside.exact;
        (2 + shape.beside.held) * w.dtype().size() as u64 + 4 * exact
    };
    let held = |w: &crate::Weight| match (shape.rank, w.shape()) {
        (None, _) => a_value(w) * w.len() as u64,
        // A layer with the adapter worked in, and its gradient; what is trained are the halves.
        (Some(rank), &[out, ref input @ ..]) if !input.is_empty() => {
            2 * bytes(w) + a_value(w) * (rank * (out + input.iter().product::<usize>())) as u64
        }
        (Some(_), _) => 0,
    };
    let training = weights.only(trainable).iter().map(|(_, w)| held(w)).sum();
    // What is attached sits inside the denoiser.
    let inside = |name: &String| name.starts_with("unet/") || name.starts_with(ATTACHED);
    let unet = trainable.iter().any(inside);
    let text = trainable.iter().any(|name| name.starts_with("text_encoder/"));
    let mut kept = Kept::default();
    for (name, weight) in weights {
        let (place, count) = match name.split_once('/') {
            Some(("unet", name)) if unet || text => (name, places(name, shape)),
            Some(("text_encoder", name)) if text => (name, shape.tokens),
            _ => continue,
        };
        let &[out, input, ..] = weight.shape() else { continue };
        kept.layer(place, out * count, input * count);
    }
    let floats = if shape.recompute { kept.boundaries + kept.largest() } else { kept.all };
    Estimate {
        weights: weights.iter().map(|(_, w)| bytes(w)).sum(),
        training,
        activations: (4 * floats as u64).saturating_mul(shape.batch as u64),
    }
}

/// Floats of a sample that the forward pass leaves for the backward pass.
#[derive(Default)]
struct Kept {
    all: usize,
    blocks: BTreeMap<String, usize>,
    /// What goes from one block to the next.
    boundaries: usize,
}

impl Kept {
    /// A layer's output is what the next norm, attention or sum keeps; norms and activations are computed again.
    fn layer(&mut self, name: &str, out: usize, input: usize) {
        let floats = match name {
            // Nothing is kept between the maps of a feed-forward.
            _ if name.ends_with("ff.net.0.proj.weight") => 0,
            // Its input is an attention's output, which that keeps.
            _ if name.ends_with("to_out.0.weight") => out + input,
            _ => out,
        };
        self.all += floats;
        match block(name) {
            Some(block) => {
                *self.blocks.entry(block.to_owned()).or_default() += floats;
                let last = name.ends_with("conv2.weight") || name.ends_with("proj_out.weight");
                self.boundaries += if last { out } else { 0 };
            }
            None => self.boundaries += floats,
        }
    }

    fn largest(&self) -> usize {
        self.blocks.values().copied().max().unwrap_or(0)
    }
}

/// The residual block or transformer that a layer belongs to.
fn block(name: &str) -> Option<&str> {
    let kind = ["resnets.", "attentions."].into_iter().find(|kind| name.contains(kind))?;
    let from = name.find(kind)? + kind.len();
    let number = name[from..].find('.')?;
    Some(&name[..from + number])
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
