//! Runs an unlearning: stage by stage, each resumable, and a model folder at the end or nothing.

use oubliette_evidence::{
    Concept, Digest, Event, Plan, Real,
    event::{Finished, Trained},
};
use oubliette_model::{
    Select, Weights,
    attached::{ATTACHED_FILE, Attached},
    families::StableDiffusion,
    lora::{Init, Lora},
    sample::GUIDANCE_FILE,
};
use rand::Rng as _;

use super::{Context, Journal, ResolvedUnlearn, folder, names};
use crate::{
    Error, Result, Study,
    editing::ties,
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
    let attached = attached(&sd, resolved.stages())?;
    names::check(&sd.tokenizer, resolved.plan.concept.all(), &resolved.plan.prompts)?;
    let mut journal = Journal::open(&context.runs, &plan, &context.describe())?;
    if journal.evidence().finished() {
        folder::check(&resolved.out, &journal)?;
        return Ok(journal);
    }
    let mut changed = Weights::new();
    let mut apart = Vec::new();
    let mut number = 0;
    for turn in &mut resolved.turns {
        let original = sd.weights.overlaid(&changed);
        let (concepts, seed) = (&turn.concepts[..], resolved.plan.seed);
        let start = Start { sd: &sd, original: &original, concepts, seed };
        let mut adapted = Vec::new();
        for stage in &mut turn.stages {
            let weights = sd.weights.overlaid(&changed);
            let found = run(stage, number, &start, &weights, &adapted, &journal, watch)?;
            let (made, event) = found;
            let made = match made {
                Made::Moved(moved) => {
                    changed.extend(moved);
                    changed.clone()
                }
                Made::Adapted(one) => {
                    adapted.push(one.clone());
                    changed.overlaid(&one)
                }
            };
            let weights = digest_of(&made, resolved.plan.model.digest)?;
            journal.record(Trained { weights, ..event })?;
            number += 1;
        }
        if resolved.plan.merge.is_some() {
            apart.push(std::mem::take(&mut changed));
        }
    }
    if let Some(merge) = resolved.plan.merge {
        changed = ties(&sd.weights, &apart, merge);
        let weights = digest_of(&changed, resolved.plan.model.digest)?;
        let unit = format!("{number}-merge");
        journal.record(Trained { unit, steps: 1, weights, loss: None })?;
    }
    let beside = attached.is_some().then_some(ATTACHED_FILE);
    if let Some(attached) = attached {
        sd.attach(attached);
    }
    let beside = beside.or(guided.then_some(GUIDANCE_FILE));
    let card = super::card::unlearned(&resolved.plan, plan.digest()?, beside, &sd)?;
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
    seed: u64,
}

/// What a stage has made.
enum Made {
    /// Weights of the model.
    Moved(Weights),
    /// Weights as an adapter changes them; the model is not changed yet.
    Adapted(Weights),
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

/// What is attached to the denoiser after all stages; nothing where none attaches anything.
fn attached<'a>(
    sd: &StableDiffusion,
    stages: impl Iterator<Item = &'a Stage>,
) -> Result<Option<Attached>> {
    let mut now = sd.attached().cloned();
    let mut any = false;
    for stage in stages {
        let Stage::Attach(attach) = stage else { continue };
        now =
            Some(attach.onto(now.as_ref()).ok_or_else(|| {
                Error::Input {
            file: format!("`{}`", sd.folder().display()),
            thing: "something is attached to its denoiser already that this cannot stand beside"
                .to_owned(),
            remedy: "start from the model without it, or forget all concepts together".to_owned(),
        }
            })?);
        any = true;
    }
    Ok(now.filter(|_| any))
}

/// One stage: what it made, and what is recorded of it.
fn run(
    stage: &mut Stage,
    number: usize,
    start: &Start<'_>,
    weights: &Weights,
    adapted: &[Weights],
    journal: &Journal,
    watch: &mut Watch<'_>,
) -> Result<(Made, Trained)> {
    let Start { sd, original, concepts, seed } = *start;
    let nothing = Digest::of(b"");
    match stage {
        Stage::Edit(edit) => {
            let study = Study::new(sd, original, None, &Default::default(), weights);
            let unit = format!("{number}-edit");
            let lot = Lot::new(seed).child(&unit);
            let moved = edit.edit(&study, concepts, weights, lot)?;
            tell(watch, Progress { unit: &unit, done: 1, total: 1, loss: None })?;
            Ok((Made::Moved(moved), Trained { unit, steps: 1, weights: nothing, loss: None }))
        }
        Stage::Fuse(fuse) => {
            let study = Study::new(sd, original, None, &Default::default(), weights);
            let unit = format!("{number}-fuse");
            let moved = fuse.fuse(&study, concepts, weights, adapted)?;
            tell(watch, Progress { unit: &unit, done: 1, total: 1, loss: None })?;
            Ok((Made::Moved(moved), Trained { unit, steps: 1, weights: nothing, loss: None }))
        }
        Stage::Adapt(adapt) => {
            let unit = format!("{number}-{}", adapt.train.name);
            let lot = Lot::new(seed).child(&unit);
            let include = adapt.weights.clone();
            let names = Select { include, exclude: Vec::new() }.names(weights)?;
            let adapter_seed = lot.child("adapter").rng().random();
            let rank = adapt.rank;
            let adapter =
                Lora::new(weights, &names, rank, rank as f64, Init::Kaiming, adapter_seed)?;
            let job =
                Job { sd, original: weights, concepts, adapter: Some(&adapter), lot, unit: &unit };
            let steps = adapt.train.steps;
            let place = Place::of_run(&journal.workspace()?, &unit, steps, EVERY)?;
            let trained = train(&mut adapt.train, &job, weights, &place, watch)?;
            let loss = trained.loss.map(Real::new).transpose()?;
            let changed = adapter.merge(&weights.overlaid(&trained.weights)).only(&names);
            Ok((Made::Adapted(changed), Trained { unit, steps, weights: nothing, loss }))
        }
        Stage::Attach(attach) => {
            let unit = format!("{number}-attach");
            let fresh = attach.fresh(&sd.weights, Lot::new(seed).child(&unit));
            tell(watch, Progress { unit: &unit, done: 1, total: 1, loss: None })?;
            Ok((Made::Moved(fresh), Trained { unit, steps: 1, weights: nothing, loss: None }))
        }
        Stage::Guide(_) => {
            let unit = format!("{number}-guide");
            tell(watch, Progress { unit: &unit, done: 1, total: 1, loss: None })?;
            let moved = Made::Moved(Weights::new());
            Ok((moved, Trained { unit, steps: 1, weights: nothing, loss: None }))
        }
        Stage::Train(stage) => {
            let unit = format!("{number}-{}", stage.name);
            let lot = Lot::new(seed).child(&unit);
            let job = Job { sd, original, concepts, adapter: None, lot, unit: &unit };
            let place = Place::of_run(&journal.workspace()?, &unit, stage.steps, EVERY)?;
            let trained = train(stage, &job, weights, &place, watch)?;
            let loss = trained.loss.map(Real::new).transpose()?;
            let (steps, moved) = (trained.steps, Made::Moved(trained.weights));
            Ok((moved, Trained { unit, steps, weights: nothing, loss }))
        }
    }
}
