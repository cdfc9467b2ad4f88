//! Runs an unlearning: stage by stage, each resumable, and a model folder at the end or nothing.

mod beside;
mod stage;

use oubliette_evidence::{
    Event, Plan,
    event::{Finished, Trained},
};
use oubliette_model::{Weight, Weights, attached::ATTACHED, families::StableDiffusion, lora::Lora};

use super::{Context, Journal, ResolvedUnlearn, folder, names};
use crate::{
    Drawn, Error, Result, editing::ties, methods::Stage, progress::Watch, subject::digest_of,
};
use beside::Beside;
use stage::{Made, Turn, recorded};

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
    let beside = Beside::of(&mut sd, &resolved.stages().collect::<Vec<_>>())?;
    names::check(&sd.tokenizer, resolved.plan.concept.all(), &resolved.plan.prompts)?;
    let mut journal = Journal::open(&context.runs, &plan, &context.describe())?;
    if journal.evidence().finished() {
        resolved.written().try_for_each(|out| folder::check(out, &journal))?;
        journal.write_evidence()?;
        return Ok(journal);
    }
    let trained = journal.evidence().trainings().count() >= resolved.trainings();
    resolved.written().try_for_each(|out| folder::check_free(out, trained))?;
    let (changed, adapter) = turns(&mut resolved, &sd, &mut journal, context, watch)?;
    let whole = adapter.as_ref().filter(|_| resolved.stages().count() == 1);
    let (unrounded, changed) = match folder::unrounded(whole, &resolved.model, context)? {
        Some((model, changed)) => (Some(model), changed),
        None => (None, changed),
    };
    let weighs = !resolved.stages().any(Stage::is_beside_the_weights);
    let model = unrounded.as_ref().unwrap_or(&sd);
    if weighs && is_as_it_was(&model.weights, &model.as_saved(&changed)) {
        return Err(Error::Unchanged { method: resolved.plan.method });
    }
    drop(unrounded);
    let suppressing = beside.put(&mut sd);
    let none_changed = changed.names().all(|name| name.starts_with(ATTACHED));
    let suppressing = suppressing.filter(|_| none_changed);
    let card = super::card::unlearned(&resolved, plan.digest()?, suppressing, &sd)?;
    let mut events =
        folder::save_adapter(&sd, adapter.as_ref(), &card, resolved.adapter.as_deref())?;
    let saved = folder::save(&sd, &changed, &card, &resolved.out)?;
    events.extend([Event::Saved(saved), Event::Finished(Finished {})]);
    journal.append(events)?;
    journal.write_evidence()?;
    journal.clear();
    Ok(journal)
}

/// Whether every weight that was put in the place of another is that other one.
fn is_as_it_was(original: &Weights, changed: &Weights) -> bool {
    let same = |(name, now): (&String, &Weight)| {
        let was = original.get(name).filter(|was| was.shape() == now.shape());
        was.is_some_and(|was| was.to_f32_vec() == now.to_f32_vec())
    };
    changed.iter().all(same)
}

/// All stages of all turns: the weights that they change, or put beside the model's own; and the adapter that the last of them is, where it is one.
fn turns(
    resolved: &mut ResolvedUnlearn,
    sd: &StableDiffusion,
    journal: &mut Journal,
    context: &Context,
    watch: &mut Watch<'_>,
) -> Result<(Weights, Option<Lora>)> {
    let digest = |made: &Weights| digest_of(made, resolved.plan.model.digest);
    let device = context.describe();
    let (mut changed, mut apart, mut number) = (Weights::new(), Vec::new(), 0);
    let mut adapter = None;
    for turn in &mut resolved.turns {
        let original = sd.weights.overlaid(&changed);
        let drawn = Drawn::of(&context.runs, digest(&changed)?, &device);
        let mut adapted = Vec::new();
        for stage in &mut turn.stages {
            let weights = sd.weights.overlaid(&changed);
            let (concepts, seed) = (&turn.concepts[..], resolved.plan.seed);
            let (original, drawn) = (&original, &drawn);
            let place = Turn { sd, original, concepts, seed, drawn, journal };
            let (made, event) = place.run(stage, number, &weights, &adapted, watch)?;
            let made = match made {
                Made::Moved(moved) => {
                    changed.extend(moved);
                    changed.clone()
                }
                Made::LowRank(one) => {
                    changed.extend(one.changed(&weights));
                    adapter = Some(one);
                    changed.clone()
                }
                Made::Adapted(one) => {
                    adapted.push(one.clone());
                    changed.overlaid(&one)
                }
            };
            journal.record(Trained { weights: digest(&made)?, ..event })?;
            number += 1;
        }
        if resolved.plan.merge.is_some() {
            apart.push(std::mem::take(&mut changed));
        }
    }
    if let Some(merge) = resolved.plan.merge {
        changed = ties(&sd.weights, &apart, merge);
        let event = recorded(format!("{number}-merge"), 1, None)?;
        journal.record(Trained { weights: digest(&changed)?, ..event })?;
    }
    Ok((changed, adapter))
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Device};

    use super::*;

    fn weights(values: &[(&str, [f32; 2])]) -> Weights {
        let one = |&(name, values): &(&str, [f32; 2])| {
            let weight = Weight::from_f32(values.to_vec(), &[2], &Device::flex(), DType::F32);
            (name.to_owned(), weight)
        };
        values.iter().map(one).collect()
    }

    #[test]
    fn what_moved_and_came_to_lie_where_it_was_has_not_changed() {
        let original = weights(&[("a", [1.0, 2.0]), ("b", [3.0, 4.0])]);
        assert!(is_as_it_was(&original, &Weights::new()));
        assert!(is_as_it_was(&original, &weights(&[("b", [3.0, 4.0])])));
        assert!(!is_as_it_was(&original, &weights(&[("b", [3.0, 4.5])])));
        assert!(!is_as_it_was(&original, &weights(&[("c", [3.0, 4.0])])));
    }
}
