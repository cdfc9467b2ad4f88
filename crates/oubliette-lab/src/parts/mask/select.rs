//! A choice of layers by name.

use std::collections::BTreeSet;

use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{Mask, Stateful};
use crate::{Card, Entry, Result};

pub(super) const ENTRY: Entry<dyn Mask> = Entry::of::<Select>(Card {
    name: "select",
    what: "The weights whose names match may move, across all components; the others cost no gradient.",
    changes: "what `include` matches without what `exclude` matches",
    source: "layer choices as in ESD (arXiv 2303.07345), section 4.1",
    broken_by: "layers left out that carry the concept too",
    ..Card::BLANK
});

/// Weights by name pattern.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Select {
    /// Named sets, globs, or regular expressions after `re:`, of the weights that may move.
    pub include: Vec<String>,
    /// Patterns of weights that stay although they are included.
    #[serde(default)]
    pub exclude: Vec<String>,
}

impl Select {
    /// The weights that `patterns` match.
    pub fn of(patterns: &[&str]) -> Self {
        let include = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        Self { include, exclude: Vec::new() }
    }
}

impl Stateful for Select {}

impl Mask for Select {
    fn trainable(&self, all: &Weights) -> Result<BTreeSet<String>> {
        let (include, exclude) = (self.include.clone(), self.exclude.clone());
        Ok(oubliette_model::Select { include, exclude }.names(all)?)
    }

    fn is_of_layers(&self) -> bool {
        true
    }
}
