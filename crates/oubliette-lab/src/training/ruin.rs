//! Notices a training that ruins the model for what should stay, before anything of it is written.

use burn::tensor::{DType, Tensor};
use oubliette_evidence::Concept;
use oubliette_model::Weights;

use super::{Train, state::State};
use crate::{
    Result, Study,
    lot::Lot,
    parts::source::Batch,
    walk::{self, Walk},
    wording,
};

/// Training steps between two looks.
const EVERY: u64 = 50;
/// A shorter training is not looked at.
const AT_LEAST: u64 = 20;
/// Prompts of what should stay that are looked under.
const PROMPTS: usize = 3;
/// Steps of the sampling whose latents are looked at.
const LEVELS: u32 = 4;
/// Its guidance scale.
const GUIDANCE: f64 = 3.0;
/// From here on the student is further from the original than prompts move the original's predictions: worth a warning.
const FAR: f64 = 1.0;
/// From here on it is so far that nothing that was looked at survived it.
const RUINED: f64 = 3.0;

/// Looks at the student now and then, where the original looked while it drew.
pub(super) struct Ruin<'a> {
    study: &'a Study<'a>,
    concepts: &'a [Concept],
    lot: Lot,
    original: Option<Original>,
}

/// What the original predicts while it draws what should stay.
#[derive(Default)]
struct Original {
    /// Where it looked, and what it predicted there.
    levels: Vec<(Batch, Tensor<4>)>,
    /// Squares of what the prompts add to its predictions under the empty prompt, summed.
    said: f64,
}

impl<'a> Ruin<'a> {
    /// Before the first look.
    pub(super) fn new(study: &'a Study<'a>, concepts: &'a [Concept], lot: Lot) -> Self {
        Self { study, concepts, lot, original: None }
    }

    /// Whether it is time for a look after a training step.
    pub(super) fn is_due(stage: &Train, state: &State, last: bool) -> bool {
        let at = state.at(stage);
        let moved = at.step - at.begins;
        moved.is_multiple_of(EVERY) || (last && moved >= AT_LEAST)
    }

    /// How far the student has moved under prompts of what should stay, beside how far those prompts move the original's predictions (the roots of
    /// sums of squares); nothing where no concept says what should stay.
    ///
    /// # Errors
    /// When a prompt cannot be tokenised.
    pub(super) fn look(&mut self, student: &Weights) -> Result<Option<f64>> {
        let original = match self.original.take() {
            Some(original) => original,
            None => self.drawn()?,
        };
        let mut moved = 0.0;
        for (batch, wanted) in &original.levels {
            let context = self.study.context(student, &batch.prompts)?;
            moved += squares(self.study.predict(student, batch, context) - wanted.clone());
        }
        let said = original.said;
        self.original = Some(original);
        Ok((said > 0.0).then_some((moved / said).sqrt()))
    }

    /// Lets the original draw.
    fn drawn(&self) -> Result<Original> {
        let (study, mut original) = (self.study, Original::default());
        for (number, prompt) in prompts(self.concepts).into_iter().enumerate() {
            let mut rng = self.lot.nth(number as u64).rng();
            let (sampler, prompts) = (walk::ddim(study.sd, LEVELS)?, vec![prompt]);
            let mut walk = Walk::begin(study.sd, sampler, prompts.clone(), GUIDANCE, &mut rng);
            for call in 0..walk.calls() {
                let latents = walk.latents();
                let timesteps = walk::times(&[walk.time_at(call)], &latents.device());
                let [under, empty] = walk.next(study, study.original)?;
                original.said += squares(under.clone() - empty);
                let prompts = prompts.clone();
                let batch = Batch { latents, timesteps, prompts, target: None, seen: None };
                original.levels.push((batch, under));
            }
        }
        Ok(original)
    }
}

/// What is wrong with a student that has moved so far, where it is ruined. One that recovers since the look `before`, as after weights were drawn
/// anew, is given time. One that is far is told of in the end.
pub(super) fn ruined(moved: f64, before: Option<f64>, last: bool) -> Option<String> {
    let recovers = before.is_none_or(|before| moved < before);
    if moved.is_nan() || (moved > RUINED && (last || !recovers)) {
        return Some(format!(
            "under prompts of what should stay the model has moved {moved:.1} times as far as those prompts move its predictions"
        ));
    }
    if last && moved > FAR {
        tracing::warn!(
            "under prompts of what should stay the model has moved {moved:.1} times as far as those prompts move its predictions: look at what is \
             left of other things, or lower the learning rate"
        );
    }
    None
}

/// A few prompts of what should stay beside the concepts, from all over them.
fn prompts(concepts: &[Concept]) -> Vec<String> {
    let of = |concept: &Concept| {
        let kept = wording::kept(concepts, concept, &[]).unwrap_or_default();
        kept.iter()
            .filter_map(|name| {
                wording::prompts_of(std::slice::from_ref(name), concept, &[]).into_iter().next()
            })
            .collect::<Vec<_>>()
    };
    let all: Vec<String> = concepts.iter().flat_map(of).collect();
    let chosen = PROMPTS.min(all.len());
    (0..chosen).map(|number| all[number * all.len() / chosen].clone()).collect()
}

/// The sum of all squares.
fn squares(x: Tensor<4>) -> f64 {
    let x = x.cast(DType::F32);
    let sum: f32 = (x.clone() * x).sum().into_scalar();
    f64::from(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_recovers_is_given_time_and_at_the_end_nobody_is() {
        for (moved, before, last, stops) in [
            (50.0, None, false, false),
            (40.0, Some(50.0), false, false),
            (50.0, Some(40.0), false, true),
            (50.0, None, true, true),
            (40.0, Some(50.0), true, true),
            (2.0, Some(1.5), true, false),
            (f64::NAN, None, false, true),
        ] {
            let found = ruined(moved, before, last);
            assert_eq!(found.is_some(), stops, "{moved} after {before:?}, {last}");
        }
    }
}
