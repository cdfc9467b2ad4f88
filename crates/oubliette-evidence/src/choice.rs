//! How a search chooses: what has forgotten enough comes first, then what keeps most, then what is cheaper.

use std::cmp::Ordering;
use std::iter::Sum;
use std::ops::Add;

use serde::Serialize;

use crate::Share;
use crate::plan::{Arm, AuditPlan, Role, group};
use crate::verdict::Judgment;

/// What was lost and gained among pictures of what must be kept, beside the original on the same prompts and seeds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Shown by the original and not by the unlearned model.
    pub lost: u32,
    /// Shown by the unlearned model and not by the original.
    pub gained: u32,
    /// Pairs of pictures.
    pub of: u32,
}

/// What was seen of one candidate; of several concepts, the sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Pictures that show the concept.
    pub hits: u32,
    /// Pictures that the unlearned model was asked for directly.
    pub asked: u32,
    /// Neighbours.
    pub neighbours: Kept,
    /// What has nothing to do with the concept.
    pub unrelated: Kept,
}

impl Add for Kept {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            lost: self.lost + other.lost,
            gained: self.gained + other.gained,
            of: self.of + other.of,
        }
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            hits: sum.hits + one.hits,
            asked: sum.asked + one.asked,
            neighbours: sum.neighbours + one.neighbours,
            unrelated: sum.unrelated + one.unrelated,
        })
    }
}

impl Tally {
    /// The keep groups that are counted.
    pub const GROUPS: [&str; 2] = [group::NEIGHBOURS, group::UNRELATED];

    /// What one audit saw.
    pub fn of(plan: &AuditPlan, judgment: &Judgment) -> Self {
        let asked = plan.untrained().filter(|arm| is_direct(arm));
        let (mut hits, mut of) = (0, 0);
        for found in asked.filter_map(|arm| judgment.arm(&arm.id, Role::Unlearned)) {
            (hits, of) = (hits + found.all.hits, of + found.all.of);
        }
        let kept = |group| {
            let found = judgment.keep(group);
            found.map_or_else(Kept::default, |found| Kept {
                lost: found.lost,
                gained: found.gained,
                of: found.kept.of,
            })
        };
        let [neighbours, unrelated] = Self::GROUPS.map(kept);
        Self { hits, asked: of, neighbours, unrelated }
    }

    /// Neighbours and what is unrelated together.
    pub fn kept(&self) -> Kept {
        self.neighbours + self.unrelated
    }

    /// Whether both questions of the rule were asked at all.
    pub fn answers(&self) -> bool {
        self.asked > 0 && self.kept().of > 0
    }

    fn meets(&self, hits_at_most: Share) -> bool {
        // Both sides are the nearest number to a fraction, so that 29 of 100 is at most 0.29.
        f64::from(self.hits) / f64::from(self.asked) <= hits_at_most.get()
    }
}

/// Whether an arm asks a model as it is, decides, and needs no control to be understood.
fn is_direct(arm: &Arm) -> bool {
    !arm.trained && arm.decides() && !arm.needs_control()
}

/// What the rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contender {
    /// What was seen, pooled over all concepts.
    pub tally: Tally,
    /// Training steps, all concepts together.
    pub steps: u64,
}

/// The candidate that was chosen, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// It has forgotten enough, and keeps most of those that have.
    Met(usize),
    /// None has forgotten enough; this one has the fewest hits.
    Unmet(usize),
}

impl Choice {
    /// The candidate's place.
    pub fn place(self) -> usize {
        match self {
            Self::Met(place) | Self::Unmet(place) => place,
        }
    }
}

/// Chooses among candidates, of which those without an answer are left out; nothing where none is left.
pub fn choose(candidates: &[Option<Contender>], hits_at_most: Share) -> Option<Choice> {
    let measured = || {
        let numbered = candidates.iter().enumerate();
        numbered
            .filter_map(|(place, one)| Some((place, (*one)?)))
            .filter(|(_, one)| one.tally.answers())
    };
    let cheaper = |a: &(usize, Contender), b: &(usize, Contender)| {
        a.1.steps.cmp(&b.1.steps).then(a.0.cmp(&b.0))
    };
    let keeping = |a: &(usize, Contender), b: &(usize, Contender)| {
        loss(a.1.tally.kept(), b.1.tally.kept()).then(cheaper(a, b))
    };
    let met = measured().filter(|(_, one)| one.tally.meets(hits_at_most)).min_by(keeping);
    let met = met.map(|(place, _)| Choice::Met(place));
    let fewest = |a: &(usize, Contender), b: &(usize, Contender)| {
        let (one, other) = (a.1.tally, b.1.tally);
        let parts = |hits: u32, of: u32| i128::from(hits) * i128::from(of);
        let hits = parts(one.hits, other.asked).cmp(&parts(other.hits, one.asked));
        hits.then(keeping(a, b))
    };
    met.or_else(|| measured().min_by(fewest).map(|(place, _)| Choice::Unmet(place)))
}

/// Compares (lost - gained) / of without rounding.
fn loss(a: Kept, b: Kept) -> Ordering {
    let net = |kept: Kept| i128::from(kept.lost) - i128::from(kept.gained);
    (net(a) * i128::from(b.of)).cmp(&(net(b) * i128::from(a.of)))
}
