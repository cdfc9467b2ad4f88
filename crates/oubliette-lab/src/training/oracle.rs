//! The innermost oracle: the losses of one step's batch, and their gradients.

use std::collections::BTreeSet;

use oubliette_model::Weights;

use super::Weighted;
use crate::{
    Result,
    gradients::gradients,
    parts::{Gradients, Term, objective::Scene, wrapper::Oracle},
};

/// The losses of one step.
pub(super) struct Losses<'a> {
    /// What the forget losses look at.
    pub(super) forget_scene: Scene<'a>,
    /// What the retain losses look at.
    pub(super) retain_scene: Scene<'a>,
    /// What the relearning losses look at.
    pub(super) relearn_scene: Scene<'a>,
    /// Losses that push the concept out.
    pub(super) forget: &'a [Weighted],
    /// Losses that hold everything else.
    pub(super) retain: &'a [Weighted],
    /// Losses that bring the concept back.
    pub(super) relearn: &'a [Weighted],
    /// What gradients are wanted for.
    pub(super) trainable: &'a BTreeSet<String>,
}

impl Oracle for Losses<'_> {
    fn gradients(&mut self, weights: &Weights, term: Term) -> Result<Option<Gradients>> {
        let (losses, scene) = match term {
            Term::Forget => (self.forget, &self.forget_scene),
            Term::Retain => (self.retain, &self.retain_scene),
            Term::Relearn => (self.relearn, &self.relearn_scene),
        };
        // One graph at a time, so that the activations of two losses are never held together.
        let mut sum: Option<Gradients> = None;
        for weighted in losses {
            let loss = |student: &_| Ok(weighted.objective.loss(scene, student)? * weighted.weight);
            let one = gradients(weights, self.trainable, loss)?;
            sum = Some(match sum {
                None => one,
                Some(sum) => Gradients {
                    loss: sum.loss + one.loss,
                    by_name: sum.by_name.joined(one.by_name),
                },
            });
        }
        Ok(sum)
    }
}
