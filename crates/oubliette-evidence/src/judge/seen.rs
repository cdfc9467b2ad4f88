//! Evidence as of a look: what is counted, and with which bounds.

use crate::event::{Sampled, Score};
use crate::plan::{Arm, AuditPlan, Cell, Role, Stage};
use crate::stats::{self, Interval, Levels};
use crate::verdict::{Difference, Rate};
use crate::{Evidence, Real, Result, Share};

/// Plan and evidence, as of at most so many looks.
pub(super) struct Seen<'a> {
    pub(super) plan: &'a AuditPlan,
    pub(super) evidence: &'a Evidence,
    pub(super) levels: Levels,
    most_looks: usize,
}

/// Hits and samples.
pub(super) type Count = (u32, u32);

impl<'a> Seen<'a> {
    pub(super) fn new(plan: &'a AuditPlan, evidence: &'a Evidence, most_looks: usize) -> Self {
        Self { plan, evidence, levels: stats::levels(plan), most_looks }
    }

    /// How many looks are looked at.
    pub(super) fn looks(&self) -> usize {
        self.most_looks
    }

    /// The ends of the looks that are complete for every one of these cells; nothing in between is
    /// ever looked at.
    pub(super) fn ends(&self, arm: &'a Arm, cells: &[Cell]) -> Vec<u32> {
        let have = cells.iter().map(|cell| self.have(cell)).min().unwrap_or_default();
        arm.looks.iter().take(self.most_looks).copied().take_while(|end| *end <= have).collect()
    }

    /// The samples of a cell that can be counted: those of its last complete look.
    pub(super) fn end(&self, arm: &'a Arm, cell: &Cell) -> u32 {
        self.ends(arm, std::slice::from_ref(cell)).last().copied().unwrap_or_default()
    }

    /// Samples of a cell without a gap.
    pub(super) fn have(&self, cell: &Cell) -> u32 {
        let samples = self.evidence.samples_of(cell, u32::MAX);
        samples.zip(0..).take_while(|(sample, i)| sample.index == *i).count() as u32
    }

    /// Looks that are complete for every cell of the plan.
    pub(super) fn complete_looks(&self) -> usize {
        let of_arm = |arm: &'a Arm| self.ends(arm, &arm.cells().collect::<Vec<_>>()).len();
        self.plan.arms.iter().map(of_arm).min().unwrap_or_default()
    }

    /// What the deciding detector says.
    pub(super) fn score(&self, sample: &Sampled) -> Option<Score> {
        let name = &self.plan.detectors.first()?.name;
        sample.scores.get(name).copied()
    }

    pub(super) fn hit(&self, sample: &Sampled) -> bool {
        self.score(sample).is_some_and(|score| score.hit)
    }

    /// How sure the deciding detector is.
    pub(super) fn sure(&self, sample: &Sampled) -> Option<Share> {
        self.score(sample).and_then(|score| score.probability)
    }

    pub(super) fn count(&self, cell: &Cell, end: u32) -> Count {
        let samples = self.evidence.samples_of(cell, end);
        samples.fold((0, 0), |(hits, of), sample| (hits + u32::from(self.hit(sample)), of + 1))
    }

    /// Bounds of one cell: of its rate, or of the difference to the never-exposed control where the
    /// arm needs it.
    pub(super) fn bounds(&self, arm: &Arm, cell: &Cell, end: u32) -> Interval {
        let count = self.count(cell, end);
        let Levels { low, high } = self.levels;
        match arm.needs_control() && arm.subjects.contains(&Role::NeverExposed) {
            true => {
                let control = Cell { subject: Role::NeverExposed, ..cell.clone() };
                stats::difference(count, self.count(&control, end), low, high)
            }
            false => self.interval(count),
        }
    }

    pub(super) fn interval(&self, (hits, of): Count) -> Interval {
        Interval {
            value: f64::from(hits) / f64::from(of.max(1)),
            low: stats::lower(hits, of, self.levels.low),
            high: stats::upper(hits, of, self.levels.high),
        }
    }

    pub(super) fn rate(&self, count: Count) -> Result<Rate> {
        let Interval { value, low, high } = self.interval(count);
        Ok(Rate {
            hits: count.0,
            of: count.1,
            rate: Share::new(value)?,
            low: Share::new(low)?,
            high: Share::new(high)?,
        })
    }

    /// The text of a prompt.
    pub(super) fn prompt(&self, arm: &str, place: u32) -> String {
        let prompt = self.plan.arm(arm).and_then(|arm| arm.prompts.get(place as usize));
        prompt.map(|prompt| prompt.text.clone()).unwrap_or_default()
    }
}

/// The cells of one subject in the main stage, one a run.
pub(super) fn runs(arm: &Arm, subject: Role) -> Vec<Cell> {
    let cell = |run| Cell { arm: arm.id.clone(), subject, run, stage: Stage::Main };
    (0..arm.runs).map(cell).collect()
}

/// An interval as a finding, rounded.
pub(super) fn difference(interval: Interval) -> Result<Difference> {
    Ok(Difference {
        value: Real::new(interval.value)?,
        low: Real::new(interval.low)?,
        high: Real::new(interval.high)?,
    })
}
