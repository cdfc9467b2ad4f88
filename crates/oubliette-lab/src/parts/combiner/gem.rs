//! Gradient episodic memory: the plain sum, turned so far that it does not bring the concept back.

use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{Combiner, Sides, Stateful, Sum, products::Products};
use crate::{
    Card, Entry, Error, Result,
    parts::mask::{Mask as _, Select},
};

pub(super) const ENTRY: Entry<dyn Combiner> = Entry::of::<Gem>(Card {
    name: "gem",
    what: "Adds the two gradients; every so many steps, where their sum would make the relearning loss fall, it loses that part and \
           `margin` times the relearning gradient more.",
    cost: "every `every` steps: a training step on the relearning losses and two scalar products over the trained weights",
    source: "Gradient Episodic Memory for Continual Learning (arXiv 1706.08840), its quadratic programme for one memory; as Scissorhands \
             (arXiv 2401.06187) uses it",
    broken_by: "fine-tuning on unrelated pictures, in Scissorhands (our own study of methods, on a miniature)",
    differs: "one memory, so the programme is solved in closed form",
    ..Card::BLANK
});

/// What is added to a squared norm that is divided by, as in the released code.
const EPSILON: f64 = 1e-3;

/// The turned sum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gem {
    /// The least multiple of the memory's gradient that a turned step is given.
    pub margin: f64,
    /// Steps from one look at the memory to the next.
    pub every: u64,
    /// Patterns of the weights whose gradients decide and turn; empty: all that train.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
}

impl Default for Gem {
    fn default() -> Self {
        Self { margin: 0.5, every: 10, only: Vec::new() }
    }
}

impl Stateful for Gem {}

impl Combiner for Gem {
    fn needs_both_sides(&self) -> bool {
        false
    }

    fn needs_relearning(&self) -> bool {
        true
    }

    fn looks_back(&self, step: u64) -> bool {
        (step + 1).is_multiple_of(self.every.max(1))
    }

    fn check(&self) -> Result<()> {
        if !(self.margin >= 0.0 && self.margin.is_finite()) || self.every == 0 {
            return Err(Error::Input {
                file: "the recipe, combiner `gem`".to_owned(),
                thing: format!("margin {} every {} steps", self.margin, self.every),
                remedy: "choose a margin of 0 or more, and at least every step".to_owned(),
            });
        }
        Ok(())
    }

    fn combine(&mut self, mut sides: Sides) -> Result<Weights> {
        let relearn = sides.relearn.take();
        let whole = Sum {}.combine(sides)?;
        let Some(relearn) = relearn else { return Ok(whole) };
        let relearn = match self.only.is_empty() {
            true => relearn,
            false => {
                let select = Select { include: self.only.clone(), exclude: Vec::new() };
                relearn.only(&select.trainable(&relearn)?)
            }
        };
        // The memory asks that the relearning loss does not fall: its gradient is the negative of that loss's.
        let products = Products::of_all(&whole, &relearn);
        let across = -products.across;
        if across >= 0.0 {
            return Ok(whole);
        }
        let share = (-across / (products.retain + EPSILON)).max(self.margin);
        Ok(whole.plus(&relearn, -share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Device};
    use oubliette_model::Weight;

    fn side(values: [f32; 2]) -> Weights {
        let weight = Weight::from_f32(values.to_vec(), &[2], &Device::flex(), DType::F32);
        [("w".to_owned(), weight)].into_iter().collect()
    }

    fn step(forget: [f32; 2], relearn: [f32; 2], margin: f64) -> Vec<f32> {
        let sides =
            Sides { forget: Some(side(forget)), retain: None, relearn: Some(side(relearn)) };
        let mut gem = Gem { margin, ..Gem::default() };
        gem.combine(sides).unwrap().get("w").unwrap().to_f32_vec()
    }

    #[test]
    fn a_step_that_would_relearn_is_turned_and_another_is_not() {
        // Descending (1, 1) makes a loss with the gradient (2, 0) fall; only the rest may be descended.
        let turned = step([1.0, 1.0], [2.0, 0.0], 0.0);
        assert!(turned[0].abs() < 1e-3 && turned[1] == 1.0, "{turned:?}");
        // With a margin the loss is made to rise.
        assert!(step([1.0, 1.0], [2.0, 0.0], 1.0)[0] < -0.9);
        assert_eq!(step([-1.0, 1.0], [2.0, 0.0], 1.0), [-1.0, 1.0]);
    }

    #[test]
    fn only_what_is_named_turns() {
        let both = |a: [f32; 2], b: [f32; 2]| -> Weights {
            let named =
                |name: &str, side: Weights| (name.to_owned(), side.get("w").unwrap().clone());
            [named("unet/a", side(a)), named("unet/b", side(b))].into_iter().collect()
        };
        let (forget, relearn) = (both([1.0, 1.0], [1.0, 1.0]), both([2.0, 0.0], [2.0, 0.0]));
        let sides = Sides { forget: Some(forget), retain: None, relearn: Some(relearn) };
        let mut gem = Gem { margin: 0.0, only: vec!["unet/a".to_owned()], ..Gem::default() };
        let turned = gem.combine(sides).unwrap();
        assert!(turned.get("unet/a").unwrap().to_f32_vec()[0].abs() < 1e-3);
        assert_eq!(turned.get("unet/b").unwrap().to_f32_vec(), [1.0, 1.0]);
    }

    #[test]
    fn it_looks_back_now_and_then() {
        let looks: Vec<u64> = (0..30).filter(|&step| Gem::default().looks_back(step)).collect();
        assert_eq!(looks, [9, 19, 29]);
    }
}
