//! Runs an unlearning: stage by stage, each resumable, and a model folder at the end or nothing.

use oubliette_evidence::{
    Concept, Digest, Event, Plan, Real,
    event::{Finished, Trained},
};
use oubliette_model::{Weights, families::StableDiffusion, sample::GUIDANCE_FILE};

use super::{Context, Journal, ResolvedUnlearn, folder};
use crate::{
    Error, Result, Study,
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
    let mut sd = StableDiffusion::load(&resolved.model, &context.options()?)?;
    let guided = guide(&mut sd, resolved.stages())?;
    let mut journal = Journal::open(&context.runs, &plan, &context.describe())?;
    if journal.evidence().finished() {
        folder::check(&resolved.out, &journal)?;
        return Ok(journal);
    }
    let mut changed = Weights::new();
    let mut number = 0;
    for turn in &mut resolved.turns {
        let original = sd.weights.overlaid(&changed);
        let start = Start { sd: &sd, original: &original, concepts: &turn.concepts };
        for stage in &mut turn.stages {
            let weights = sd.weights.overlaid(&changed);
            let seed = resolved.plan.seed;
            let (moved, event) = run(stage, number, seed, &start, &weights, &journal, watch)?;
            changed.extend(moved);
            let weights = digest_of(&changed, resolved.plan.model.digest)?;
            journal.record(Trained { weights, ..event })?;
            number += 1;
        }
    }
    let card = super::card::unlearned(&resolved.plan, plan.digest()?, guided, sd.guidance())?;
    let saved = folder::save(&sd, &changed, &card, &resolved.out)?;
    journal.append(vec![Event::Saved(saved), Event::Finished(Finished {})])?;
    Ok(journal)
}

/// What the stages of one turn share.
struct Start<'a> {
    sd: &'a StableDiffusion,
    /// The weights before the turn.
    original: &'a Weights,
    concepts: &'a [Concept],
}

/// Has the model sampled by the policy of the stages, one at most; says whether there is one.
fn guide<'a>(sd: &mut StableDiffusion, stages: impl Iterator<Item = &'a Stage>) -> Result<bool> {
    let mut guided = false;
    for stage in stages {
        let Stage::Guide(guidance) = stage else { continue };
        if let Some(old) = sd.guidance() {
            return Err(Error::Input {
                file: format!("`{}`", sd.folder().join(GUIDANCE_FILE).display()),
                thing: format!(
                    "leads away from `{}` already, and a model has one guide",
                    old.text()
                ),
                remedy:
                    "start from the model without it, and name everything in the method's `text`"
                        .to_owned(),
            });
        }
        sd.set_guidance(guidance.clone())?;
        guided = true;
    }
    Ok(guided)
}

/// One stage: the weights that it moved, and what is recorded of it.
fn run(
    stage: &mut Stage,
    number: usize,
    seed: u64,
    start: &Start<'_>,
    weights: &Weights,
    journal: &Journal,
    watch: &mut Watch<'_>,
) -> Result<(Weights, Trained)> {
    let Start { sd, original, concepts } = *start;
    let nothing = Digest::of(b"");
    match stage {
        Stage::Edit(edit) => {
            let study = Study::new(sd, original, None, &Default::default(), weights);
            let unit = format!("{number}-edit");
            let lot = Lot::new(seed).child(&unit);
            let moved = edit.edit(&study, concepts, weights, lot)?;
            tell(watch, Progress { unit: &unit, done: 1, total: 1, loss: None })?;
            Ok((moved, Trained { unit, steps: 1, weights: nothing, loss: None }))
        }
        Stage::Guide(_) => {
            let unit = format!("{number}-guide");
            tell(watch, Progress { unit: &unit, done: 1, total: 1, loss: None })?;
            Ok((Weights::new(), Trained { unit, steps: 1, weights: nothing, loss: None }))
        }
        Stage::Train(stage) => {
            let unit = format!("{number}-{}", stage.name);
            let lot = Lot::new(seed).child(&unit);
            let job = Job { sd, original, concepts, adapter: None, lot, unit: &unit };
            let place = Place::of_run(&journal.workspace()?, &unit, stage.steps, EVERY)?;
            let trained = train(stage, &job, weights, &place, watch)?;
            let loss = trained.loss.map(Real::new).transpose()?;
            Ok((trained.weights, Trained { unit, steps: stage.steps, weights: nothing, loss }))
        }
    }
}
