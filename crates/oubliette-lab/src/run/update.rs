//! Runs an update: ordinary further training, and a model folder at the end or nothing.

use oubliette_evidence::{Event, Plan, event::Finished};

use super::{Context, Journal, ResolvedUpdate, folder};
use crate::{
    Result,
    progress::Watch,
    subject::{Bench, Painter},
};

/// Runs, or goes on with, the update; the folder appears whole at the end.
///
/// # Errors
/// A training that diverges, an interruption, a full disk; and a folder that is in the way.
pub fn update(
    resolved: &ResolvedUpdate,
    context: &Context,
    watch: &mut Watch<'_>,
) -> Result<Journal> {
    let plan = Plan::Update(Box::new(resolved.plan.clone()));
    // Loaded first: a model that is refused leaves no run behind.
    let painter = Painter::load(&resolved.model, context, 1)?;
    let mut journal = Journal::open(&context.runs, &plan, &context.describe())?;
    if journal.evidence().finished() {
        resolved.written().try_for_each(|out| folder::check(out, &journal))?;
        journal.write_evidence()?;
        return Ok(journal);
    }
    let trained = journal.evidence().trainings().next().is_some();
    resolved.written().try_for_each(|out| folder::check_free(out, trained))?;
    let work = journal.workspace()?;
    let mut bench = Bench {
        base: std::path::Path::new(""),
        folder: &work,
        unit: "update".to_owned(),
        watch,
        trained: Vec::new(),
    };
    let seed = resolved.plan.seed;
    let tuned =
        painter.train(&resolved.tuning, &resolved.data, resolved.steps, seed, &mut bench)?;
    for event in bench.trained {
        journal.record(event)?;
    }
    let card = super::card::updated(&resolved.plan, plan.digest()?, painter.model())?;
    let (adapter, beside) = (tuned.adapter.as_ref(), resolved.adapter.as_deref());
    let mut events = folder::save_adapter(painter.model(), adapter, &card, beside)?;
    let unrounded = folder::unrounded(adapter, &resolved.model, context)?;
    let changed = unrounded.map_or(tuned.changed, |(_, changed)| changed);
    let saved = folder::save(painter.model(), &changed, &card, &resolved.out)?;
    events.extend([Event::Saved(saved), Event::Finished(Finished {})]);
    journal.append(events)?;
    journal.write_evidence()?;
    journal.clear();
    Ok(journal)
}
