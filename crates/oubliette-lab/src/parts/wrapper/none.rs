//! Nothing is done: gradients are taken where the weights are.

use serde::{Deserialize, Serialize};

use super::{Oracle, Stateful, Wrapper};
use crate::{Card, Entry, lot::Lot};

pub(super) const ENTRY: Entry<dyn Wrapper> = Entry::of::<None>(Card {
    name: "none",
    what: "Gradients are taken where the weights are; nothing is done against return.",
    source: "plain gradient descent",
    broken_by: "fine-tuning, even on unrelated data (arXiv 2410.08074)",
    ..Card::BLANK
});

/// The oracle as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct None {}

impl Stateful for None {}

impl Wrapper for None {
    fn wrap<'a>(&'a self, below: Box<dyn Oracle + 'a>, _lot: Lot) -> Box<dyn Oracle + 'a> {
        below
    }
}
