//! What the cells that are open are expected to take, by the original in the place of models that are not made yet.
use super::Bench;
use crate::cmd::audit;
use crate::expect::{Expectation, Yardstick};
use crate::failure::Failure;
use oubliette_evidence::AuditPlan;
use oubliette_evidence::plan::Role;
use oubliette_evidence::recipe::{ComparedCell, UnlearnRecipe};
use oubliette_lab::run::resolve;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Memory and time of all `cells`; nothing where there are none.
///
/// # Errors
/// What a cell would be refused for.
pub(crate) fn ahead(
    bench: &Bench<'_>,
    cells: &[&ComparedCell],
) -> Result<Option<Expectation>, Failure> {
    let Some(first) = cells.first() else { return Ok(None) };
    let original = first.audit.source.beside(&first.audit.subjects.original);
    let trainings = trainings(cells);
    let turns = |recipe| Ok(resolve::unlearn(recipe)?.turns);
    let turns = trainings.iter().map(turns).collect::<Result<Vec<_>, Failure>>()?;
    let audits = audits(bench, cells)?;
    let expected = |yardstick: &Yardstick| {
        let made = turns.iter().map(|turns| yardstick.turns(turns));
        let looked = audits.iter().map(|plan| audit::expected(yardstick, plan));
        let all = made.chain(looked).collect::<Result<Vec<_>, _>>()?;
        Ok(all.into_iter().reduce(Expectation::and).expect("there is a cell"))
    };
    let context =
        bench.running.fitted(bench.context.clone(), &original, bench.terminal, expected)?;
    expected(&Yardstick::of(&original, &context)?).map(Some)
}

/// How every model is made that these cells need and that is not there, each once.
fn trainings(cells: &[&ComparedCell]) -> Vec<UnlearnRecipe> {
    let mut seen: BTreeSet<&PathBuf> = BTreeSet::new();
    let mut all = Vec::new();
    for cell in cells {
        let recipes = cell.before.iter().chain([&cell.unlearn]);
        for recipe in recipes.filter(|recipe| !recipe.source.beside(&recipe.out).exists()) {
            if seen.insert(&recipe.out) {
                all.push(standing(cell, recipe));
            }
        }
    }
    all
}

/// The recipe, from the original in the place of a model that others leave.
fn standing(cell: &ComparedCell, recipe: &UnlearnRecipe) -> UnlearnRecipe {
    UnlearnRecipe { model: cell.audit.subjects.original.clone(), ..recipe.clone() }
}

/// Whether the settings of a cell would be taken.
pub(crate) fn is_taken(cell: &ComparedCell) -> bool {
    resolve::unlearn(&standing(cell, &cell.unlearn)).is_ok()
}

/// The plan of every audit. What it shows of other models than the unlearned one, the first of each concept and seed shows for all.
fn audits(bench: &Bench<'_>, cells: &[&ComparedCell]) -> Result<Vec<AuditPlan>, Failure> {
    let mut first: BTreeMap<(&str, Option<u64>), AuditPlan> = BTreeMap::new();
    let mut all = Vec::new();
    for cell in cells {
        let key = (cell.concept.as_str(), cell.seed);
        let plan = if let Some(plan) = first.get(&key) {
            plan.clone()
        } else {
            let mut recipe = cell.audit.clone();
            recipe.subjects.unlearned = recipe.subjects.original.clone();
            let mut plan = resolve::audit(&recipe, bench.context)?.examiner.plan;
            all.push(plan.clone());
            plan.arms
                .iter_mut()
                .for_each(|arm| arm.subjects.retain(|role| *role == Role::Unlearned));
            first.insert(key, plan);
            continue;
        };
        all.push(plan);
    }
    Ok(all)
}
