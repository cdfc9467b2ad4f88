//! No mask: the whole denoiser may move.

use std::collections::BTreeSet;

use oubliette_model::{Select, Weights};
use serde::{Deserialize, Serialize};

use super::{Mask, Stateful};
use crate::{Card, Entry, Result};

pub(super) const ENTRY: Entry<dyn Mask> = Entry::of::<None>(Card {
    name: "none",
    what: "Every weight of the denoiser may move; text encoder and autoencoder stay.",
    changes: "unet",
    cost: "moments for every weight of the denoiser",
    source: "full fine-tuning",
    broken_by: "drift of everything that is not held by a retain term",
    ..Card::BLANK
});

/// The whole denoiser.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct None {}

impl Stateful for None {}

impl Mask for None {
    fn trainable(&self, all: &Weights) -> Result<BTreeSet<String>> {
        Ok(Select::one("unet").names(all)?)
    }

    fn is_of_layers(&self) -> bool {
        true
    }
}
