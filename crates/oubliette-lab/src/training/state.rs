//! What a stage needs to go on: weights, moments, the step, the parts' own state; saved whole or not at all.

mod kept;

use std::{borrow::Cow, collections::BTreeSet};

use burn::tensor::DType;
use oubliette_model::{
    Weights,
    train::{Ema, Optimiser, Rule, Settings, clip_global_norm},
};

use super::{Job, Train, divergence::Divergence};
use crate::{Error, Result, parts::At, walk};

/// The moving part of a stage.
pub(super) struct State {
    /// Steps done.
    pub(super) step: u64,
    /// What is trained.
    pub(super) names: BTreeSet<String>,
    /// The student.
    pub(super) weights: Weights,
    optimiser: Optimiser,
    average: Option<Ema>,
    /// All gradients so far, where the stage lets them pile up.
    pile: Weights,
    losses: Vec<f32>,
    /// The running mean of the forget loss, where the stage asks for one.
    forgetting: Option<f32>,
    /// How far the last look found the student from the original.
    pub(super) moved: Option<f64>,
    divergence: Divergence,
    /// The step of the checkpoint that lies in this stage's place.
    kept: Option<u64>,
}

impl State {
    /// A stage before its first step.
    pub(super) fn begin(stage: &Train, job: &Job<'_>, start: &Weights) -> Result<Self> {
        if walk::dtype(job.sd) == DType::F16 {
            return Err(Error::Compute {
                place: "the command line".to_owned(),
                thing: "a training in f16: squares of its gradients are nothing there, and the first step divides by them".to_owned(),
                remedy: "give `--dtype bf16`, which is as short, or `f32`".to_owned(),
            });
        }
        let (names, weights) = match job.adapter {
            Some(adapter) => (adapter.names(), adapter.halves().clone()),
            None => (stage.mask.trainable(start)?, start.clone()),
        };
        let optimiser = Optimiser::new(Settings {
            rule: Rule::AdamW,
            lr: stage.optimiser.learning_rate,
            betas: stage.optimiser.betas,
            weight_decay: stage.optimiser.weight_decay,
            ..Settings::default()
        });
        let average = stage.average.map(|decay| Ema::new(decay, weights.only(&names)));
        let (losses, divergence) = (Vec::new(), Divergence::default());
        let (step, forgetting, moved, kept, pile) = (0, None, None, None, Weights::new());
        Ok(Self {
            step,
            names,
            weights,
            optimiser,
            average,
            pile,
            losses,
            forgetting,
            moved,
            divergence,
            kept,
        })
    }

    /// Applies one gradient, masked and clipped.
    pub(super) fn update(&mut self, stage: &Train, gradient: Weights) -> Result<()> {
        let gradient = self.piled(stage, gradient);
        let clip = stage.optimiser.clip;
        let clipped = |gradient, whole| match clip > 0.0 && stage.optimiser.clip_whole == whole {
            true => clip_global_norm(gradient, clip).1,
            false => gradient,
        };
        let gradient = clipped(gradient, true);
        let movable = stage.mask.movable();
        let gradient = match movable {
            Some(movable) => gradient.times(movable),
            None => gradient,
        };
        let gradient = stage.mask.free(gradient);
        let gradient = clipped(gradient, false);
        let factor = stage.optimiser.rate.factor(self.at(stage));
        let names = gradient.names().map(str::to_owned).collect();
        let before = stage.mask.holds_steps().then(|| self.weights.only(&names));
        match movable.filter(|_| !stage.mask.keeps_momentum()) {
            Some(movable) => {
                self.optimiser.step_within(&mut self.weights, &gradient, factor, movable);
            }
            None => self.optimiser.step(&mut self.weights, &gradient, factor),
        }
        if let Some(before) = before {
            let moved = stage.mask.free(self.weights.only(&names).plus(&before, -1.0));
            self.weights.extend(before.plus(&moved, 1.0));
        }
        if let Some(average) = &mut self.average {
            average.update(&self.weights);
        }
        self.step += 1;
        Ok(())
    }

    /// Where the stage stands.
    pub(super) fn at(&self, stage: &Train) -> At {
        stage.at(self.step, self.losses.len() as u64)
    }

    /// The gradient, or all of them so far where the stage lets them pile up.
    fn piled(&mut self, stage: &Train, gradient: Weights) -> Weights {
        if !stage.optimiser.piled {
            return gradient;
        }
        self.pile = std::mem::take(&mut self.pile).joined(gradient);
        self.pile.clone()
    }

    /// What sources draw with: the average where there is one.
    pub(super) fn drawing(&self) -> Cow<'_, Weights> {
        match &self.average {
            Some(average) => Cow::Owned(self.weights.overlaid(&average.weights(&self.weights))),
            None => Cow::Borrowed(&self.weights),
        }
    }

    /// What the stage leaves: the average where there is one.
    pub(super) fn result(&self) -> Weights {
        match &self.average {
            Some(average) => average.weights(&self.weights),
            None => self.weights.only(&self.names),
        }
    }

    /// Takes in the losses of the step just done: of the forget side, and of the retain side.
    pub(super) fn seen(&mut self, stage: &Train, forget: f64, retain: f64) -> Result<()> {
        let loss = (forget + retain) as f32;
        self.losses.push(loss);
        self.forgetting = stage.until.map(|until| match self.forgetting {
            None => forget as f32,
            Some(mean) => (until.decay * f64::from(mean) + (1.0 - until.decay) * forget) as f32,
        });
        match self.divergence.check(f64::from(loss)) {
            None => Ok(()),
            Some(what) => Err(self.diverged(stage, what)),
        }
    }

    /// Whether any loss was taken in.
    pub(super) fn has_seen(&self) -> bool {
        !self.losses.is_empty()
    }

    /// What was seen of a training that must not go on, with its last losses.
    pub(super) fn diverged(&self, stage: &Train, what: String) -> Error {
        let last = &self.losses[self.losses.len().saturating_sub(20)..];
        Error::Diverged {
            step: self.step,
            what,
            losses: last.iter().map(|loss| format!("{loss:.4}")).collect::<Vec<_>>().join(", "),
            learning_rate: stage.optimiser.learning_rate,
        }
    }

    /// Whether the concept is forgotten well enough to stop.
    pub(super) fn is_enough(&self, stage: &Train) -> bool {
        let (Some(until), Some(mean)) = (stage.until, self.forgetting) else { return false };
        self.losses.len() as u64 > until.after && f64::from(mean) < until.below
    }

    /// The mean of the last `count` losses.
    pub(super) fn recent(&self, count: u64) -> Option<f64> {
        let from = self.losses.len().saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
        let last = &self.losses[from..];
        let sum: f64 = last.iter().copied().map(f64::from).sum();
        (!last.is_empty()).then(|| sum / last.len() as f64)
    }
}
