//! Keys and values move only where the embeddings of protected texts do not lie.

use std::collections::BTreeSet;

use burn::tensor::{DType, Tensor, TensorData};
use oubliette_model::{Weight, Weights};
use serde::{Deserialize, Serialize};

use super::{Mask, Select, Stateful};
use crate::{
    Card, Entry, Error, Result, Study,
    editing::{self, Reader, Tokens, modes},
};

pub(super) const ENTRY: Entry<dyn Mask> = Entry::of::<NullSpace>(Card {
    name: "null_space",
    what: "The gradient of every cross-attention key and value loses its part along the token embeddings of protected texts; with \
           `strict`, so does the step that the optimiser makes of it, and what is protected is computed exactly as before.",
    changes: "what `include` matches",
    cost: "an eigendecomposition of the text encoder's width before the first step, and two thin matrix products a weight and step",
    source: "Continual Unlearning for Text-to-Image Diffusion Models (arXiv 2511.07970), gradient projection; the null space of \
             Separable Multi-Concept Erasure (arXiv 2402.05947)",
    broken_by: "without `strict`, an optimiser that scales every weight by itself leaves the null space again; training that moves the \
                text encoder",
    differs: "`strict` and the choice of tokens are ours; `all` begins at the last token of a text, so the tokens before it, in a name of several, \
              are not protected",
    ..Card::BLANK
});

/// Protected texts, and which weights they are protected in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NullSpace {
    /// Named sets, globs, or regular expressions after `re:`, of the weights that may move.
    #[serde(default = "cross_attention")]
    pub include: Vec<String>,
    /// Texts whose keys and values should stay.
    pub protect: Vec<String>,
    /// Which tokens of them.
    #[serde(default)]
    pub tokens: Tokens,
    /// Whether the optimiser's step is projected, too.
    #[serde(default)]
    pub strict: bool,
    /// The directions that are taken, one a row, times the root of the share that is taken: (directions, width).
    #[serde(skip)]
    taken: Option<Tensor<2>>,
}

fn cross_attention() -> Vec<String> {
    vec!["attn2-kv".to_owned()]
}

impl NullSpace {
    /// Keys and values, held to what `protect` leaves free.
    pub fn of(protect: Vec<String>, tokens: Tokens, strict: bool) -> Self {
        Self { include: cross_attention(), protect, tokens, strict, taken: None }
    }
}

impl Stateful for NullSpace {}

impl Mask for NullSpace {
    fn trainable(&self, all: &Weights) -> Result<BTreeSet<String>> {
        if self.protect.is_empty() {
            return Err(Error::Input {
                file: "the recipe, mask `null_space`".to_owned(),
                thing: "it protects no text".to_owned(),
                remedy: "name what should stay in `protect`".to_owned(),
            });
        }
        Select { include: self.include.clone(), exclude: Vec::new() }.trainable(all)
    }

    fn begin(&mut self, study: &Study<'_>, start: &Weights) -> Result<()> {
        let reader = Reader { study, weights: start, tokens: self.tokens };
        let mut embeddings = Vec::new();
        for text in &self.protect {
            embeddings.extend(reader.embeddings(text)?);
        }
        let width = embeddings.first().map_or(0, Vec::len);
        let modes = modes(embeddings.iter().map(Vec::as_slice), width);
        let space = if self.strict {
            let least = 1e-10 * modes.first().map_or(0.0, |mode| mode.strength);
            editing::NullSpace::beside(modes, |_, strength| strength > least)
        } else {
            editing::NullSpace::damped(modes, embeddings.len())
        };
        let rows = space.taken.len();
        if self.strict && rows >= width {
            return Err(Error::Input {
                file: "the recipe, mask `null_space`".to_owned(),
                thing: format!(
                    "the {} protected embeddings leave no direction of {width} free",
                    embeddings.len()
                ),
                remedy:
                    "protect fewer texts, or only their last tokens (`tokens = \"last-subject\"`)"
                        .to_owned(),
            });
        }
        let scaled = |(share, direction): &(f64, Vec<f64>)| {
            direction.iter().map(|value| (value * share.sqrt()) as f32).collect::<Vec<_>>()
        };
        let values: Vec<f32> = space.taken.iter().flat_map(scaled).collect();
        let data = TensorData::new(values, [rows, width]);
        self.taken = Some(Tensor::from_data(data, (study.sd.device(), DType::F32)));
        Ok(())
    }

    fn free(&self, change: Weights) -> Weights {
        let Some(taken) = &self.taken else { return change };
        change.map(|name, one| match one.shape() {
            [_, width] if is_read(name) && *width == taken.dims()[1] => {
                let (one, taken) = (one.tensor::<2>(), taken.clone().cast(one.dtype()));
                let along = one.clone().matmul(taken.clone().transpose()).matmul(taken);
                Weight::new(one - along)
            }
            _ => one.clone(),
        })
    }

    fn holds_steps(&self) -> bool {
        self.strict
    }
}

/// Whether it multiplies token embeddings.
fn is_read(name: &str) -> bool {
    name.ends_with("attn2.to_k.weight") || name.ends_with("attn2.to_v.weight")
}
