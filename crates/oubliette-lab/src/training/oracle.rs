//! The innermost oracle: the losses of one step's batch, and their gradients.

use std::collections::BTreeSet;

use burn::tensor::Tensor;
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
        if losses.is_empty() {
            return Ok(None);
        }
        gradients(weights, self.trainable, |student| total(losses, scene, student)).map(Some)
    }
}

fn total(losses: &[Weighted], scene: &Scene<'_>, student: &Weights) -> Result<Tensor<1>> {
    let mut sum: Option<Tensor<1>> = None;
    for weighted in losses {
        let loss = weighted.objective.loss(scene, student)? * weighted.weight;
        sum = Some(match sum {
            None => loss,
            Some(sum) => sum + loss,
        });
    }
    Ok(sum.expect("the oracle asks only where there are losses"))
}
