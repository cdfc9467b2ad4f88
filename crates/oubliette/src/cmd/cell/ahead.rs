//! What the cells that are open are expected to take, by the original in the place of models that are not made yet.
use super::{Bench, in_models};
use crate::cmd::audit;
use crate::expect::{Expectation, Yardstick};
use crate::failure::Failure;
use oubliette_evidence::folder::RunFolder;
use oubliette_evidence::plan::Role;
use oubliette_evidence::recipe::{ComparedCell, UnlearnRecipe};
use oubliette_evidence::{AuditPlan, Plan};
use oubliette_lab::run::{self, Turn, resolve};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Memory and time of those of `cells` that `open` holds; nothing where it holds none. What other cells of the same concept and seed show of other models
/// than the unlearned one is not made again.
///
/// # Errors
/// What an open cell would be refused for.
pub(crate) fn ahead(
    bench: &Bench<'_>,
    cells: &[ComparedCell],
    open: &[&ComparedCell],
) -> Result<Option<Expectation>, Failure> {
    let Some(first) = open.first() else { return Ok(None) };
    let original = first.audit.source.beside(&first.audit.subjects.original);
    let trainings = trainings(bench, open)?;
    let audits = audits(bench, cells, open)?;
    let expected = |yardstick: &Yardstick| {
        let made = trainings.iter().map(|turns| yardstick.turns(turns));
        let looked = audits.iter().map(|plan| audit::expected(yardstick, plan));
        let all = made.chain(looked).collect::<Result<Vec<_>, _>>()?;
        Ok(all.into_iter().reduce(Expectation::and).expect("there is a cell"))
    };
    let context =
        bench.running.fitted(bench.context.clone(), &original, bench.terminal, expected)?;
    expected(&Yardstick::of(&original, &context)?).map(Some)
}

/// How every model is made that these cells need and that no run has made, each once.
fn trainings(bench: &Bench<'_>, open: &[&ComparedCell]) -> Result<Vec<Vec<Turn>>, Failure> {
    let mut seen: BTreeSet<&PathBuf> = BTreeSet::new();
    let mut all = Vec::new();
    for cell in open {
        let recipes = cell.before.iter().chain([&cell.unlearn]);
        for recipe in recipes.filter(|recipe| seen.insert(&recipe.out)) {
            let resolved = resolve::unlearn(&standing(cell, recipe))?;
            let trainings = resolved.trainings();
            let plan = Plan::Unlearn(Box::new(resolved.plan));
            let run = RunFolder::of(&bench.running.runs, plan.digest()?);
            let follows = recipe.model != cell.audit.subjects.original;
            if !follows {
                run::would_be_free(&resolved.out, &run, trainings).map_err(in_models)?;
            }
            let made = run.events().exists() || follows;
            if !(made && resolved.out.exists()) {
                all.push(resolved.turns);
            }
        }
    }
    Ok(all)
}

/// The recipe, from the original in the place of a model that others leave.
fn standing(cell: &ComparedCell, recipe: &UnlearnRecipe) -> UnlearnRecipe {
    UnlearnRecipe { model: cell.audit.subjects.original.clone(), ..recipe.clone() }
}

/// Refuses settings that no run would take.
///
/// # Errors
/// The refusal.
pub(crate) fn check(cell: &ComparedCell) -> Result<(), Failure> {
    resolve::unlearn(&standing(cell, &cell.unlearn))?;
    Ok(())
}

/// The plan of every audit.
fn audits(
    bench: &Bench<'_>,
    cells: &[ComparedCell],
    open: &[&ComparedCell],
) -> Result<Vec<AuditPlan>, Failure> {
    let shown = |cell: &&ComparedCell| bench.kept.has(cell);
    let key = |cell: &ComparedCell| (cell.concept.clone(), cell.seed);
    let mut shown: BTreeSet<_> = cells.iter().filter(shown).map(key).collect();
    let mut whole: Option<(String, AuditPlan)> = None;
    let mut all = Vec::new();
    for cell in open {
        let plan = match whole.take() {
            Some((concept, plan)) if concept == cell.concept => plan,
            _ => audit_plan(bench, cell)?,
        };
        whole = Some((cell.concept.clone(), plan.clone()));
        all.push(if shown.insert(key(cell)) { plan } else { unlearned_alone(plan) });
    }
    Ok(all)
}

/// The plan of a cell's audit, by the original in the place of the model that is not made yet.
///
/// # Errors
/// What the audit would be refused for.
pub(crate) fn audit_plan(bench: &Bench<'_>, cell: &ComparedCell) -> Result<AuditPlan, Failure> {
    let mut recipe = cell.audit.clone();
    recipe.subjects.unlearned = recipe.subjects.original.clone();
    Ok(resolve::audit(&recipe, bench.context)?.examiner.plan)
}

fn unlearned_alone(mut plan: AuditPlan) -> AuditPlan {
    plan.arms.iter_mut().for_each(|arm| arm.subjects.retain(|role| *role == Role::Unlearned));
    plan
}
