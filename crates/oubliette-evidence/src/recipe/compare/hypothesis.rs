//! What is claimed before the runs: by one measure, one method does better than another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CompareRecipe, Compared};
use crate::recipe::{Order, Problem};
use crate::{Share, several::Several};

/// A claim about two methods of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hypothesis {
    /// The claim in a few words.
    pub claim: String,
    /// The label of the method that is said to do better; with `at_hits`, of its settings, the weakest first.
    pub better: Several<String>,
    /// The same of the other.
    pub than: Several<String>,
    /// By what.
    pub by: Measure,
    /// They are compared where this share of pictures still shows the concept, between the two settings that it lies between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_hits: Option<Share>,
}

/// What two methods are compared by: pictures of 100, or alignment times 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Pictures under the concept's own prompts that show it; fewer is better.
    Hits,
    /// The same after the longest of every update that was tried; fewer is better.
    Returned,
    /// Pictures under the own prompts of concepts that were forgotten before, and that show these; fewer is better.
    Forgotten,
    /// Pictures under the concept's own prompts that show something of its superclass.
    Superclass,
    /// Pictures of neighbours that show them.
    Neighbours,
    /// Pictures of unrelated concepts that show them.
    Unrelated,
    /// Both kinds together.
    Kept,
    /// A hundred times the alignment of unrelated pictures with their prompts.
    Alignment,
}

/// Refuses claims about what is not compared, or that no run could decide.
pub(super) fn check(recipe: &CompareRecipe) -> Result<(), Problem> {
    let all = &recipe.hypothesis;
    for (number, one) in all.iter().enumerate() {
        let refused =
            |(key, thing, remedy): Problem| (format!("hypothesis.{number}.{key}"), thing, remedy);
        if one.claim.trim().is_empty() || all[..number].iter().any(|o| o.claim == one.claim) {
            let thing = format!("`{}`", one.claim);
            return Err(refused(("claim".into(), thing, "give each a claim of its own")));
        }
        let checked = sides(one, &recipe.method).and_then(|()| equal(one));
        checked.and_then(|()| measured(one.by, recipe)).map_err(refused)?;
    }
    Ok(())
}

/// Both sides are methods of the recipe, and different ones.
fn sides(one: &Hypothesis, methods: &[Compared]) -> Result<(), Problem> {
    for (key, labels) in [("better", one.better.all()), ("than", one.than.all())] {
        let unknown = |label: &&String| !methods.iter().any(|m| m.label == **label);
        if let Some(label) = labels.iter().find(unknown) {
            let thing = format!("no method is labelled `{label}`");
            return Err((key.into(), thing, "name methods of this recipe"));
        }
        if labels.len() != 1 && one.at_hits.is_none() || labels.is_empty() {
            let remedy = "name one label, or settings, weakest first, with `at_hits`";
            return Err((key.into(), format!("{} labels", labels.len()), remedy));
        }
    }
    match one.better == one.than {
        true => Err(("than".into(), "both sides are the same".into(), "name two methods")),
        false => Ok(()),
    }
}

/// Where the sides are compared at equal hits, there is such a place.
fn equal(one: &Hypothesis) -> Result<(), Problem> {
    let within = one.at_hits.is_none_or(|at| at.get() > 0.0 && at.get() < 1.0);
    if !within || one.at_hits.is_some() && one.by == Measure::Hits {
        let remedy = "give a share between 0 and 1, and compare by something else than hits";
        return Err(("at_hits".into(), "the share says nothing".into(), remedy));
    }
    Ok(())
}

/// What a claim is judged by is measured, and more than once.
pub(super) fn measured(by: Measure, recipe: &CompareRecipe) -> Result<(), Problem> {
    if by == Measure::Forgotten && recipe.order != Some(Order::InTurn) {
        let remedy = "set `order = \"in-turn\"`, or judge by something else";
        return Err(("by".into(), "nothing is forgotten before".into(), remedy));
    }
    if by == Measure::Alignment && !recipe.audit.contains_key("alignment") {
        let remedy = "add `[audit.alignment]`, or judge by something else";
        return Err(("by".into(), "alignment is not measured".into(), remedy));
    }
    let alone = recipe.order.is_some() || recipe.concepts.len() < 2;
    if alone && recipe.seeds.len() < 2 {
        let remedy = "give `seeds`, at least two and better five: the interval is over them";
        return Err(("claim".into(), "there would be one difference only".into(), remedy));
    }
    Ok(())
}
