//! A training stage: which parts, and how long.

use serde::{Deserialize, Serialize};

use super::{LowRank, Optimiser};
use crate::parts::{
    At, Stateful,
    anchor::{Anchor, Nothing},
    combiner::{Combiner, Sum},
    mask::{self, Mask},
    objective::Objective,
    source::{Source, Trajectory},
    wrapper::Wrapper,
};

/// A loss and how much it counts.
pub struct Weighted {
    /// The loss.
    pub objective: Box<dyn Objective>,
    /// Its weight.
    pub weight: f64,
}

impl Weighted {
    /// A loss that counts once.
    pub fn one(objective: impl Objective + 'static) -> Self {
        Self { objective: Box::new(objective), weight: 1.0 }
    }
}

/// What a step is for.
pub(super) enum Phase {
    /// The anchor learns.
    Anchor,
    /// The mask looks.
    Survey,
    /// The weights move.
    Train,
}

/// A training stage: a choice of parts, and how long.
pub struct Train {
    /// What the stage is called in progress and events.
    pub name: String,
    /// What the forget losses look at (and the retain losses, where they have no source of their own).
    pub source: Box<dyn Source>,
    /// What the retain losses look at.
    pub retain_source: Option<Box<dyn Source>>,
    /// What the concept becomes.
    pub anchor: Box<dyn Anchor>,
    /// Losses that push the concept out.
    pub forget: Vec<Weighted>,
    /// Losses that hold everything else.
    pub retain: Vec<Weighted>,
    /// What somebody who wants the concept back would train on; only wrappers look at it.
    pub relearn: Option<Relearn>,
    /// How their gradients become one.
    pub combiner: Box<dyn Combiner>,
    /// Which weights may move.
    pub mask: Box<dyn Mask>,
    /// An adapter over those weights, which moves in their place. Absent: they move themselves.
    pub lora: Option<LowRank>,
    /// What is done to resist return, innermost first.
    pub wrappers: Vec<Box<dyn Wrapper>>,
    /// How a gradient becomes a step.
    pub optimiser: Optimiser,
    /// Decay of an average of the weights: sources draw with it, and it is what the stage leaves. Absent: no average.
    pub average: Option<f64>,
    /// Steps; fewer where `until` comes first.
    pub steps: u64,
    /// Whether what is attached to the denoiser takes no part, but for what this stage trains.
    pub alone: bool,
    /// When the concept is forgotten well enough to stop. Absent: never before the last step.
    pub until: Option<Until>,
}

/// Stops a stage early.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Until {
    /// The forget loss, as a running mean, below which it is enough.
    pub below: f64,
    /// How much of the mean is kept from step to step.
    pub decay: f64,
    /// Training steps before it can be enough.
    pub after: u64,
}

/// What would bring the concept back.
pub struct Relearn {
    /// What is looked at.
    pub source: Box<dyn Source>,
    /// Losses that are descended on it.
    pub losses: Vec<Weighted>,
}

impl Train {
    /// A stage with no loss yet, on the whole denoiser.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            source: Box::new(Trajectory::default()),
            retain_source: None,
            anchor: Box::new(Nothing {}),
            forget: Vec::new(),
            retain: Vec::new(),
            relearn: None,
            combiner: Box::new(Sum {}),
            mask: Box::new(mask::None {}),
            lora: None,
            wrappers: Vec::new(),
            optimiser: Optimiser::default(),
            average: None,
            steps: 0,
            alone: false,
            until: None,
        }
    }

    /// What is shown, by the key of a recipe that says it.
    pub fn sources(&self) -> impl Iterator<Item = (&'static str, &dyn Source)> {
        let retain = self.retain_source.as_deref().map(|source| ("retain_source", source));
        let relearn =
            self.relearn.as_ref().map(|relearn| ("relearn_source", relearn.source.as_ref()));
        [("source", self.source.as_ref())].into_iter().chain(retain).chain(relearn)
    }

    /// Tells every source which steps look at it.
    pub(super) fn expect(&mut self) {
        let [all, retained, relearned] = self.shown().map(Iterator::collect);
        self.source.expect(all);
        if let Some(source) = &mut self.retain_source {
            source.expect(retained);
        }
        if let Some(relearn) = &mut self.relearn {
            relearn.source.expect(relearned);
        }
    }

    /// The steps that look at the source, at the one of the retain losses, and at what would bring the concept back.
    pub(super) fn shown(&self) -> [impl Iterator<Item = u64>; 3] {
        let looks: [fn(&Self, u64) -> bool; 3] =
            [|_, _| true, |stage, at| !matches!(stage.phase(at), Phase::Anchor), Self::relearns];
        looks.map(|looks| (0..self.total()).filter(move |&at| looks(self, at)))
    }

    /// Whether the step after `done` steps asks what would bring the concept back.
    pub(super) fn relearns(&self, done: u64) -> bool {
        let mut losses = self.relearn.iter().flat_map(|relearn| &relearn.losses);
        match self.phase(done) {
            Phase::Anchor => false,
            Phase::Survey => losses.any(|loss| done < loss.objective.survey()),
            Phase::Train => {
                let wrapped = self.wrappers.iter().any(|wrapper| wrapper.needs_relearning());
                wrapped || self.combiner.looks_back(done)
            }
        }
    }

    /// Steps of the whole stage: those of the survey, those in which only the anchor learns, and training.
    pub fn total(&self) -> u64 {
        self.looked() + self.steps
    }

    /// Steps in which no weight moves.
    pub(super) fn looked(&self) -> u64 {
        self.surveyed() + self.anchor.alone(self.steps)
    }

    /// Steps at the beginning in which parts only look, all of them at the same time.
    fn surveyed(&self) -> u64 {
        let mask = self.mask.survey().map_or(0, |survey| survey.steps);
        self.losses().map(|loss| loss.objective.survey()).fold(mask, u64::max)
    }

    /// Whether what the concept becomes makes a difference to any loss.
    pub(crate) fn looks_at_anchor(&self) -> bool {
        self.losses().any(|loss| loss.objective.looks_at_anchor())
    }

    pub(super) fn losses(&self) -> impl Iterator<Item = &Weighted> {
        let relearn = self.relearn.iter().flat_map(|relearn| &relearn.losses);
        self.forget.iter().chain(&self.retain).chain(relearn)
    }

    /// Where the stage stands after `done` steps, `moved` of which moved the weights.
    pub(super) fn at(&self, done: u64, moved: u64) -> At {
        let begins = self.surveyed();
        At { step: done.min(begins) + moved, begins, steps: begins + self.steps }
    }

    /// What the step after `done` steps is for.
    pub(super) fn phase(&self, done: u64) -> Phase {
        match done.checked_sub(self.surveyed()) {
            None => Phase::Survey,
            Some(step) if self.anchor.learns_alone(step) => Phase::Anchor,
            Some(_) => Phase::Train,
        }
    }

    /// All parts with state, by the name that a checkpoint keeps it under.
    pub(super) fn stateful(&mut self) -> Vec<(String, &mut dyn Stateful)> {
        let mut all: Vec<(String, &mut dyn Stateful)> = vec![
            ("source".to_owned(), &mut *self.source),
            ("anchor".to_owned(), &mut *self.anchor),
            ("combiner".to_owned(), &mut *self.combiner),
            ("mask".to_owned(), &mut *self.mask),
        ];
        if let Some(source) = &mut self.retain_source {
            all.push(("retain_source".to_owned(), &mut **source));
        }
        let mut sides = vec![("forget", &mut self.forget), ("retain", &mut self.retain)];
        if let Some(relearn) = &mut self.relearn {
            all.push(("relearn_source".to_owned(), &mut *relearn.source));
            sides.push(("relearn", &mut relearn.losses));
        }
        for (side, losses) in sides {
            for (number, loss) in losses.iter_mut().enumerate() {
                all.push((format!("{side}.{number}"), &mut *loss.objective));
            }
        }
        all
    }
}
