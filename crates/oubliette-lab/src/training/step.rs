//! The steps of a stage: the anchor learns, the mask looks, the weights move.

use oubliette_evidence::Concept;

use super::{Train, oracle::Losses, state::State};
use crate::{
    Result, Study,
    lot::Lot,
    parts::{
        Gradients, Sides, Term, anchor::Learning, objective::Scene, source::Batch, wrapper::Oracle,
    },
};

/// What all steps of a stage share.
pub(super) struct Stepper<'a> {
    study: &'a Study<'a>,
    concepts: &'a [Concept],
    forget: Lot,
    retain: Lot,
    anchor: Lot,
}

impl<'a> Stepper<'a> {
    pub(super) fn new(study: &'a Study<'a>, concepts: &'a [Concept], lot: &Lot) -> Self {
        let child = |name: &str| lot.child(name);
        Self {
            study,
            concepts,
            forget: child("source"),
            retain: child("retain_source"),
            anchor: child("anchor"),
        }
    }

    /// A step in which only the anchor learns.
    pub(super) fn anchor(&self, stage: &mut Train, state: &mut State) -> Result<Option<f64>> {
        let batch = self.batch(stage, state)?;
        self.learn(stage, state, &batch)?;
        state.step += 1;
        Ok(None)
    }

    /// A step of the mask's survey: it sees gradients of its own loss.
    pub(super) fn survey(&self, stage: &mut Train, state: &mut State) -> Result<Option<f64>> {
        let batch = self.batch(stage, state)?;
        if let Some(survey) = stage.mask.survey() {
            let scene = || self.scene(stage, &batch);
            let forget = [super::Weighted { objective: survey.loss, weight: 1.0 }];
            let mut losses = Losses {
                forget_scene: scene(),
                retain_scene: scene(),
                forget: &forget,
                retain: &[],
                trainable: &state.names,
            };
            let seen = losses.gradients(&state.weights, Term::Forget)?;
            if let Some(seen) = seen {
                stage.mask.observe(stage.at(state.step), &seen.by_name)?;
            }
        }
        state.step += 1;
        Ok(None)
    }

    /// A training step: a batch, gradients of both sides, one gradient of them, one masked update; its loss.
    pub(super) fn train(&self, stage: &mut Train, state: &mut State) -> Result<f64> {
        let batch = self.batch(stage, state)?;
        self.learn(stage, state, &batch)?;
        let other = match &mut stage.retain_source {
            Some(source) => Some(source.batch(
                self.study,
                self.concepts,
                &state.weights,
                state.step,
                &self.retain,
            )?),
            None => None,
        };
        let losses = Losses {
            forget_scene: self.scene(stage, &batch),
            retain_scene: self.scene(stage, other.as_ref().unwrap_or(&batch)),
            forget: &stage.forget,
            retain: &stage.retain,
            trainable: &state.names,
        };
        let mut oracle: Box<dyn Oracle + '_> = Box::new(losses);
        for wrapper in &stage.wrappers {
            oracle = wrapper.wrap(oracle);
        }
        let forget = oracle.gradients(&state.weights, Term::Forget)?;
        let retain = oracle.gradients(&state.weights, Term::Retain)?;
        drop(oracle);
        let loss = [&forget, &retain].into_iter().flatten().map(|side| side.loss).sum();
        let side = |gradients: Option<Gradients>| gradients.map(|gradients| gradients.by_name);
        let sides = Sides { forget: side(forget), retain: side(retain), memory: Vec::new() };
        let gradient = stage.combiner.combine(sides)?;
        stage.mask.observe(stage.at(state.step), &gradient)?;
        state.update(stage, gradient)?;
        Ok(loss)
    }

    fn batch(&self, stage: &mut Train, state: &State) -> Result<Batch> {
        let source = &mut stage.source;
        source.batch(self.study, self.concepts, &state.weights, state.step, &self.forget)
    }

    /// Lets the anchor learn from the batch of this step.
    fn learn(&self, stage: &mut Train, state: &State, batch: &Batch) -> Result<()> {
        let at = stage.at(state.step);
        let lot = self.anchor.nth(state.step);
        let (study, concepts) = (self.study, self.concepts);
        stage.anchor.learn(&Learning { study, concepts, batch, at, lot })
    }

    fn scene<'s>(&'s self, stage: &'s Train, batch: &'s Batch) -> Scene<'s> {
        Scene { study: self.study, concepts: self.concepts, anchor: &*stage.anchor, batch }
    }
}
