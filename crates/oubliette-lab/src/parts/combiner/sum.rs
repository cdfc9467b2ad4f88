//! The plain sum: one step along forget plus retain.

use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{Combiner, Sides, Stateful};
use crate::{Card, Entry, Result};

pub(super) const ENTRY: Entry<dyn Combiner> = Entry::of::<Sum>(Card {
    name: "sum",
    what: "Adds the forget gradient and the retain gradient.",
    source: "gradient descent on a sum of losses",
    broken_by: "terms that work against each other: the larger gradient wins (arXiv 2412.07808)",
    ..Card::BLANK
});

/// Forget plus retain; the losses' own weights have been applied before.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sum {}

impl Stateful for Sum {}

impl Combiner for Sum {
    fn needs_both_sides(&self) -> bool {
        false
    }

    fn combine(&mut self, sides: Sides) -> Result<Weights> {
        Ok(match (sides.forget, sides.retain) {
            (Some(forget), Some(retain)) => forget.joined(retain),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => Weights::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Device};
    use oubliette_model::Weight;

    #[test]
    fn adds_what_both_have_and_keeps_the_rest() {
        let weight = |values: &[f32]| {
            Weight::from_f32(values.to_vec(), &[values.len()], &Device::flex(), DType::F32)
        };
        let forget: Weights =
            [("a".to_owned(), weight(&[1.0, 2.0])), ("b".to_owned(), weight(&[5.0]))]
                .into_iter()
                .collect();
        let retain: Weights = [("a".to_owned(), weight(&[10.0, 20.0]))].into_iter().collect();
        let sides = Sides { forget: Some(forget), retain: Some(retain), relearn: None };
        let sum = Sum {}.combine(sides).unwrap();
        assert_eq!(sum.get("a").unwrap().to_f32_vec(), [11.0, 22.0]);
        assert_eq!(sum.get("b").unwrap().to_f32_vec(), [5.0]);
    }
}
