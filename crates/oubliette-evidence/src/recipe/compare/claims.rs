//! What hypotheses and trends have in common: words of their own, methods of the recipe, and a measure that is taken more than once.

use std::collections::BTreeSet;

use super::{CompareRecipe, Compared, Measure, trend};
use crate::recipe::{Order, Problem};

/// Something that is claimed before the runs.
pub(super) trait Claim {
    /// In a few words.
    fn claim(&self) -> &str;

    /// What it is judged by.
    fn by(&self) -> Measure;

    /// Refuses what says nothing, whatever the recipe measures; keys are the claim's own.
    fn check(&self, methods: &[Compared]) -> Result<(), Problem>;
}

/// Refuses claims about what is not compared, or that no run could decide.
pub(super) fn check(recipe: &CompareRecipe) -> Result<(), Problem> {
    let hypotheses = recipe.hypothesis.iter().enumerate();
    let hypotheses = hypotheses.map(|(at, one)| (format!("hypothesis.{at}"), one as &dyn Claim));
    let trends = recipe.trend.iter().enumerate();
    let trends = trends.map(|(at, one)| (format!("trend.{at}"), one as &dyn Claim));
    let mut claimed = BTreeSet::new();
    for (place, one) in hypotheses.chain(trends) {
        let refused = |(key, thing, remedy): Problem| (format!("{place}.{key}"), thing, remedy);
        if one.claim().trim().is_empty() || !claimed.insert(one.claim()) {
            let thing = format!("`{}`", one.claim());
            return Err(refused(("claim".into(), thing, "give each a claim of its own")));
        }
        let checked = one.check(&recipe.method);
        checked.and_then(|()| measured(one.by(), recipe)).map_err(refused)?;
    }
    trend::decidable(recipe)
}

/// Refuses labels that no method has, or that stand twice in one list.
pub(super) fn labelled(key: &str, labels: &[String], methods: &[Compared]) -> Result<(), Problem> {
    for (number, label) in labels.iter().enumerate() {
        if !methods.iter().any(|method| method.label == *label) {
            let thing = format!("no method is labelled `{label}`");
            return Err((key.into(), thing, "name methods of this recipe"));
        }
        if labels[..number].contains(label) {
            return Err((key.into(), format!("`{label}` stands twice"), "name each once"));
        }
    }
    Ok(())
}

/// What a claim is judged by is measured, and more than once.
fn measured(by: Measure, recipe: &CompareRecipe) -> Result<(), Problem> {
    if by == Measure::Forgotten && recipe.order != Some(Order::InTurn) {
        let remedy = "set `order = \"in-turn\"`, or judge by something else";
        return Err(("by".into(), "nothing is forgotten before".into(), remedy));
    }
    if by == Measure::Alignment && !recipe.audit.contains_key("alignment") {
        let remedy = "add `[audit.alignment]`, or judge by something else";
        return Err(("by".into(), "alignment is not measured".into(), remedy));
    }
    let unrelated = recipe.audit.get("keep").and_then(|keep| keep.get("unrelated"));
    if matches!(by, Measure::Unrelated | Measure::Alignment) && unrelated.is_none() {
        let remedy = "name unrelated concepts in `[audit.keep]`, or judge by something else";
        return Err(("by".into(), "nothing unrelated is looked at".into(), remedy));
    }
    let alone = recipe.order.is_some() || recipe.concepts.len() < 2;
    if alone && recipe.seeds.len() < 2 {
        let remedy = "give `seeds`, at least two and better five: the interval is over them";
        return Err(("claim".into(), "there would be one difference only".into(), remedy));
    }
    Ok(())
}
