//! Runs an unlearning: stage by stage, each resumable, and a model folder at the end or nothing.

use oubliette_evidence::{
    Digest, Event, Plan, Real,
    event::{Finished, Trained},
};
use oubliette_model::{Weights, families::StableDiffusion};

use super::{Context, Journal, ResolvedUnlearn, folder};
use crate::{
    Result, Study,
    lot::Lot,
    methods::Stage,
    progress::{Progress, Watch, tell},
    subject::digest_of,
    training::{Job, Place, train},
};

/// Steps between checkpoints.
const EVERY: u64 = 50;

/// Runs, or goes on with, the unlearning; the folder appears whole at the end.
///
/// # Errors
/// A training that diverges, an interruption, a full disk; and a folder that is in the way.
pub fn unlearn(
    mut resolved: ResolvedUnlearn,
    context: &Context,
    watch: &mut Watch<'_>,
) -> Result<Journal> {
    let plan = Plan::Unlearn(Box::new(resolved.plan.clone()));
    // Loaded first: a model that is refused leaves no run behind.
    let sd = StableDiffusion::load(&resolved.model, &context.options()?)?;
    let mut journal = Journal::open(&context.runs, &plan, &context.describe())?;
    if journal.evidence().finished() {
        folder::check(&resolved.out, &journal)?;
        return Ok(journal);
    }
    let mut changed = Weights::new();
    for (number, stage) in resolved.stages.iter_mut().enumerate() {
        let weights = sd.weights.overlaid(&changed);
        let (moved, event) = run(stage, number, &resolved.plan, &sd, &weights, &journal, watch)?;
        changed.extend(moved);
        let event = Trained { weights: digest_of(&changed, resolved.plan.model.digest)?, ..event };
        journal.record(event)?;
    }
    let card = super::card::unlearned(&resolved.plan, plan.digest()?)?;
    let saved = folder::save(&sd, &changed, &card, &resolved.out)?;
    journal.append(vec![Event::Saved(saved), Event::Finished(Finished {})])?;
    Ok(journal)
}

/// One stage: the weights that it moved, and what is recorded of it.
fn run(
    stage: &mut Stage,
    number: usize,
    plan: &oubliette_evidence::plan::UnlearnPlan,
    sd: &StableDiffusion,
    weights: &Weights,
    journal: &Journal,
    watch: &mut Watch<'_>,
) -> Result<(Weights, Trained)> {
    let concepts = std::slice::from_ref(&plan.concept);
    let nothing = Digest::of(b"");
    match stage {
        Stage::Edit(edit) => {
            let study = Study::new(sd, &sd.weights, None, &Default::default(), weights);
            let unit = format!("{number}-edit");
            let lot = Lot::new(plan.seed).child(&unit);
            let moved = edit.edit(&study, concepts, weights, lot)?;
            tell(watch, Progress { unit: &unit, done: 1, total: 1, loss: None })?;
            Ok((moved, Trained { unit, steps: 1, weights: nothing, loss: None }))
        }
        Stage::Train(stage) => {
            let unit = format!("{number}-{}", stage.name);
            let lot = Lot::new(plan.seed).child(&unit);
            let job = Job { sd, original: &sd.weights, concepts, adapter: None, lot, unit: &unit };
            let place = Place::of_run(&journal.workspace()?, &unit, stage.steps, EVERY)?;
            let trained = train(stage, &job, weights, &place, watch)?;
            let loss = trained.loss.map(Real::new).transpose()?;
            Ok((trained.weights, Trained { unit, steps: stage.steps, weights: nothing, loss }))
        }
    }
}
