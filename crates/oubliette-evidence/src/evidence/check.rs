//! Whether evidence is evidence of a plan: every sample one of its draws, every score by its detectors.

use super::Evidence;
use crate::event::Sampled;
use crate::plan::{AuditPlan, Cell, Stage};
use crate::{Digest, Error, Result};

impl Evidence {
    /// Refuses evidence that was not made by a plan with this digest.
    pub fn check_plan(&self, plan: Digest) -> Result<()> {
        match &self.started {
            Some(started) if started.plan == plan => Ok(()),
            Some(started) => Err(Error::value(
                format!("the run was made by plan {}, not {plan}", started.plan),
                "use the plan that began the run",
            )),
            None => Err(Error::value(
                "no whole event is there: the run never began, or its events were changed",
                "run its recipe again",
            )),
        }
    }

    /// Refuses samples that an audit's plan does not draw, or that lack one of its detectors.
    pub fn check_samples(&self, plan: &AuditPlan) -> Result<()> {
        self.samples.values().try_for_each(|sample| check(plan, sample))
    }
}

fn check(plan: &AuditPlan, sample: &Sampled) -> Result<()> {
    let Sampled { cell: Cell { arm: id, subject, run, stage }, index, .. } = sample;
    let bad = |thing: &str| {
        let place = format!("sample {index} of `{id}` on {subject}, run {run}");
        Err(Error::value(format!("{place}: {thing}"), "remove the run's folder and run again"))
    };
    let Some(arm) = plan.arm(id) else { return bad("no such arm") };
    if !arm.subjects.contains(subject) || *run >= arm.runs {
        return bad("the arm has no such subject or run");
    }
    let most = match stage {
        Stage::Main => arm.looks.last().copied().unwrap_or_default(),
        Stage::Worst(prompt) if (*prompt as usize) < arm.prompts.len() => plan.worst,
        Stage::Worst(_) => 0,
    };
    if *index >= most {
        return bad("more than the plan asks for");
    }
    let draw = arm.draw(plan.seed, *stage, *index);
    if (draw.prompt, draw.seed) != (sample.prompt, sample.seed) {
        return bad("another prompt or seed than the plan draws");
    }
    let named = plan.detectors.iter().all(|detector| sample.scores.contains_key(&detector.name));
    if !named || sample.scores.len() != plan.detectors.len() {
        return bad("its scores are not by the detectors of the plan");
    }
    match sample.alignment {
        Some(alignment) if !(-1.0..=1.0).contains(&alignment.get()) => {
            bad("its alignment is not between -1 and 1")
        }
        _ => Ok(()),
    }
}
