//! The steps of a stage: the anchor learns, the mask looks, the weights move.

use oubliette_evidence::Concept;

use super::{Train, oracle::Losses, state::State};
use crate::{
    Result, Study,
    gradients::gradients,
    lot::Lot,
    parts::{
        Gradients, Sides, Term,
        anchor::Learning,
        objective::{Preparing, Scene},
        source::{Batch, Source},
        wrapper::Oracle,
    },
};

/// What all steps of a stage share.
pub(super) struct Stepper<'a> {
    study: &'a Study<'a>,
    concepts: &'a [Concept],
    forget: Lot,
    retain: Lot,
    relearn: Lot,
    anchor: Lot,
    mask: Lot,
    wrappers: Lot,
}

impl<'a> Stepper<'a> {
    pub(super) fn new(study: &'a Study<'a>, concepts: &'a [Concept], lot: &Lot) -> Self {
        let child = |name: &str| lot.child(name);
        Self {
            study,
            concepts,
            forget: child("source"),
            retain: child("retain_source"),
            relearn: child("relearn_source"),
            anchor: child("anchor"),
            mask: child("mask"),
            wrappers: child("wrappers"),
        }
    }

    /// A step in which only the anchor learns.
    pub(super) fn anchor(&self, stage: &mut Train, state: &mut State) -> Result<Option<f64>> {
        let batch = self.batch(stage, state)?;
        self.learn(stage, state, &batch, true)?;
        state.step += 1;
        Ok(None)
    }

    /// A step of the survey: the mask sees gradients of its own loss, losses see batches.
    pub(super) fn survey(&self, stage: &mut Train, state: &mut State) -> Result<Option<f64>> {
        let batch = self.batch(stage, state)?;
        let other = self.other(stage, state)?;
        if let Some(survey) = stage.mask.survey().filter(|survey| state.step < survey.steps) {
            let scene = self.scene(stage, &batch);
            let loss = |student: &_| survey.loss.loss(&scene, student);
            let seen = gradients(&state.weights, &state.names, loss)?;
            stage.mask.observe(state.at(stage), &seen.by_name)?;
            if state.step + 1 == survey.steps {
                state.weights.extend(stage.mask.reset(&state.weights, self.mask)?);
            }
        }
        let harm = self.harm(stage, state)?;
        let retained = other.as_ref().unwrap_or(&batch);
        let Train { forget, retain, relearn, anchor, .. } = stage;
        let mut sides = vec![(forget, &batch), (retain, retained)];
        sides.extend(relearn.as_mut().map(|relearn| &mut relearn.losses).zip(harm.as_ref()));
        for (losses, batch) in sides {
            let (study, concepts) = (self.study, self.concepts);
            let scene = Scene { study, concepts, anchor: &**anchor, batch };
            let looking = losses.iter_mut().filter(|loss| state.step < loss.objective.survey());
            for loss in looking {
                loss.objective.look(&scene, &state.names)?;
            }
        }
        state.step += 1;
        Ok(None)
    }

    /// A training step: batches, gradients of both sides, one gradient of them, one masked update; the losses of both sides.
    pub(super) fn train(&self, stage: &mut Train, state: &mut State) -> Result<(f64, f64)> {
        let batch = self.batch(stage, state)?;
        self.learn(stage, state, &batch, false)?;
        let other = self.other(stage, state)?;
        let harm = self.harm(stage, state)?;
        self.prepare(stage, state, [&batch, other.as_ref().unwrap_or(&batch)], harm.as_ref())?;
        let losses = Losses {
            forget_scene: self.scene(stage, &batch),
            retain_scene: self.scene(stage, other.as_ref().unwrap_or(&batch)),
            relearn_scene: self.scene(stage, harm.as_ref().unwrap_or(&batch)),
            forget: &stage.forget,
            retain: &stage.retain,
            relearn: stage.relearn.as_ref().map_or(&[], |relearn| &relearn.losses),
            trainable: &state.names,
        };
        let mut oracle: Box<dyn Oracle + '_> = Box::new(losses);
        for (number, wrapper) in stage.wrappers.iter().enumerate() {
            let lot = self.wrappers.child(&number.to_string()).nth(state.step);
            oracle = wrapper.wrap(oracle, lot);
        }
        let forget = oracle.gradients(&state.weights, Term::Forget)?;
        let retain = oracle.gradients(&state.weights, Term::Retain)?;
        let relearn = match stage.combiner.looks_back(state.step) {
            true => oracle.gradients(&state.weights, Term::Relearn)?,
            false => None,
        };
        drop(oracle);
        let loss = |side: &Option<Gradients>| side.as_ref().map_or(0.0, |side| side.loss);
        let losses = (loss(&forget), loss(&retain));
        let side = |gradients: Option<Gradients>| gradients.map(|gradients| gradients.by_name);
        let sides = Sides { forget: side(forget), retain: side(retain), relearn: side(relearn) };
        let gradient = stage.combiner.combine(sides)?;
        stage.mask.observe(state.at(stage), &gradient)?;
        state.update(stage, gradient)?;
        Ok(losses)
    }

    /// What the forget losses look at in this step.
    fn batch(&self, stage: &mut Train, state: &State) -> Result<Batch> {
        self.drawn(&mut *stage.source, state, &self.forget)
    }

    /// What the retain losses look at, where they have a source of their own.
    fn other(&self, stage: &mut Train, state: &State) -> Result<Option<Batch>> {
        let source = stage.retain_source.as_mut();
        source.map(|source| self.drawn(&mut **source, state, &self.retain)).transpose()
    }

    /// What somebody who relearns the concept would look at, in a step that asks.
    fn harm(&self, stage: &mut Train, state: &State) -> Result<Option<Batch>> {
        if !stage.relearns(state.step) {
            return Ok(None);
        }
        let source = stage.relearn.as_mut().map(|relearn| &mut relearn.source);
        source.map(|source| self.drawn(&mut **source, state, &self.relearn)).transpose()
    }

    fn drawn(&self, source: &mut dyn Source, state: &State, lot: &Lot) -> Result<Batch> {
        source.batch(self.study, self.concepts, &state.drawing(), state.step, lot)
    }

    /// Lets the losses get ready.
    fn prepare(
        &self,
        stage: &mut Train,
        state: &State,
        [batch, kept]: [&Batch; 2],
        harm: Option<&Batch>,
    ) -> Result<()> {
        let at = state.at(stage);
        let Train { forget, retain, relearn, anchor, .. } = stage;
        let mut sides = vec![(forget, batch, &self.forget), (retain, kept, &self.retain)];
        if let (Some(relearn), Some(harm)) = (relearn, harm) {
            sides.push((&mut relearn.losses, harm, &self.relearn));
        }
        for (losses, batch, side) in sides {
            for (number, loss) in losses.iter_mut().enumerate() {
                let (study, concepts) = (self.study, self.concepts);
                let scene = Scene { study, concepts, anchor: &**anchor, batch };
                let lot = side.child("prepare").child(&number.to_string()).nth(state.step);
                loss.objective.prepare(&Preparing { scene, student: &state.weights, at, lot })?;
            }
        }
        Ok(())
    }

    /// Lets the anchor learn from the batch of this step, `alone` or before the weights move.
    fn learn(&self, stage: &mut Train, state: &State, batch: &Batch, alone: bool) -> Result<()> {
        let lot = self.anchor.nth(state.step);
        let (study, concepts) = (self.study, self.concepts);
        stage.anchor.learn(&Learning { study, concepts, batch, alone, lot })
    }

    fn scene<'s>(&'s self, stage: &'s Train, batch: &'s Batch) -> Scene<'s> {
        Scene { study: self.study, concepts: self.concepts, anchor: &*stage.anchor, batch }
    }
}
