//! Ordinary further training on captioned pictures: what a benign update does, and an attack that imitates one.

use std::fmt;

use oubliette_model::Select;
use serde::{Deserialize, Serialize};

use crate::{
    parts::{mask, objective::NoiseMse, source::Pictures},
    training::{Optimiser, Train, Weighted},
};

/// What is trained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// All weights that the mask lets move.
    #[default]
    Full,
    /// A low-rank adapter beside them, merged for looking.
    Lora,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Full => "full",
            Kind::Lora => "lora",
        })
    }
}

/// How it is trained. Defaults are those of the diffusers text-to-image scripts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tuning {
    /// Full or LoRA.
    pub kind: Kind,
    /// Learning rate, constant.
    pub learning_rate: f64,
    /// Pictures of a step.
    pub batch: usize,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Largest norm of all gradients together; 0: not clipped.
    pub clip: f64,
    /// How often a picture is shown under the empty caption.
    pub unconditional: f64,
    /// Weights that are trained (full) or get an adapter (LoRA).
    pub weights: Vec<String>,
    /// Rank of the adapter.
    pub rank: usize,
    /// Scale of the adapter times its rank; 0: the rank.
    pub alpha: f64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            kind: Kind::Full,
            learning_rate: 1e-5,
            batch: 16,
            weight_decay: 0.01,
            clip: 1.0,
            unconditional: 0.0,
            weights: Vec::new(),
            rank: 4,
            alpha: 0.0,
        }
    }
}

impl Tuning {
    /// The training stage, on the pictures in `data`.
    pub fn stage(&self, data: &std::path::Path, steps: u64) -> Train {
        let mut source = Pictures::new(data, self.batch);
        source.unconditional = self.unconditional;
        Train {
            source: Box::new(source),
            retain: vec![Weighted::one(NoiseMse {})],
            mask: Box::new(mask::Select { include: self.patterns(), exclude: Vec::new() }),
            optimiser: Optimiser {
                learning_rate: self.learning_rate,
                weight_decay: self.weight_decay,
                clip: self.clip,
                ..Optimiser::default()
            },
            steps,
            ..Train::named("tune")
        }
    }

    /// Which weights are meant: the whole denoiser, or the projections of its attention for LoRA.
    pub fn select(&self) -> Select {
        Select { include: self.patterns(), exclude: Vec::new() }
    }

    fn patterns(&self) -> Vec<String> {
        match (self.weights.is_empty(), self.kind) {
            (false, _) => self.weights.clone(),
            (true, Kind::Full) => vec!["unet".to_owned()],
            (true, Kind::Lora) => {
                vec![r"re:^unet/.*attn[12]\.(to_q|to_k|to_v|to_out\.0)\.weight$".to_owned()]
            }
        }
    }
}
