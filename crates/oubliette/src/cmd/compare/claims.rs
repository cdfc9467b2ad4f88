//! Claims that no audit of the recipe could judge.
use crate::cmd::cell::{Bench, audit_plan};
use crate::failure::Failure;
use oubliette_evidence::recipe::{CompareRecipe, ComparedCell, Measure};

/// Refuses claims about what updates bring back, where no attack is one.
pub(super) fn decidable(
    bench: &Bench<'_>,
    recipe: &CompareRecipe,
    open: &[&ComparedCell],
) -> Result<(), Failure> {
    let hypotheses = recipe.hypothesis.iter().map(|one| ("hypothesis", one.by)).enumerate();
    let trends = recipe.trend.iter().map(|one| ("trend", one.by)).enumerate();
    let mut returned = hypotheses.chain(trends).filter(|(_, (_, by))| *by == Measure::Returned);
    let (Some((number, (list, _))), Some(cell)) = (returned.next(), open.first()) else {
        return Ok(());
    };
    match audit_plan(bench, cell)?.longest().is_empty() {
        false => Ok(()),
        true => {
            let remedy =
                "add an attack that trains to `[[audit.attack]]`, or judge by something else";
            let key = format!("{list}.{number}.by");
            Err(recipe
                .source
                .error(&key, "no update is tried, so nothing can return", remedy)
                .into())
        }
    }
}
