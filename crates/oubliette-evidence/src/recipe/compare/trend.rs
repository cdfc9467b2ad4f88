//! What is claimed before the runs of many methods at once: the more of something, the better.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::hypothesis::{Measure, measured};
use super::{CompareRecipe, Compared};
use crate::Real;
use crate::recipe::Problem;

/// Of four methods, one order in twelve is as telling as the best: nothing could be decided.
const LEAST: usize = 5;

/// A claim about an order of methods: along a number that is known before the runs, one measure gets better.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trend {
    /// The claim in a few words.
    pub claim: String,
    /// Labels of methods, at least five.
    pub across: Vec<String>,
    /// By the ids of all concepts: the number of each of these methods.
    pub along: BTreeMap<String, Vec<Real>>,
    /// What gets better with the number.
    pub by: Measure,
}

/// Refuses trends that no run could show.
pub(super) fn check(recipe: &CompareRecipe) -> Result<(), Problem> {
    let all = &recipe.trend;
    let hypotheses: BTreeSet<_> = recipe.hypothesis.iter().map(|one| &one.claim).collect();
    for (number, one) in all.iter().enumerate() {
        let refused =
            |(key, thing, remedy): Problem| (format!("trend.{number}.{key}"), thing, remedy);
        let twice = all[..number].iter().any(|other| other.claim == one.claim);
        if one.claim.trim().is_empty() || twice || hypotheses.contains(&one.claim) {
            let thing = format!("`{}`", one.claim);
            return Err(refused(("claim".into(), thing, "give each a claim of its own")));
        }
        let checked = across(one, &recipe.method).and_then(|()| numbers(one));
        checked.and_then(|()| measured(one.by, recipe)).map_err(refused)?;
    }
    Ok(())
}

fn across(one: &Trend, methods: &[Compared]) -> Result<(), Problem> {
    let (key, distinct) = ("across".to_owned(), one.across.iter().collect::<BTreeSet<_>>());
    let unknown = |label: &&String| !methods.iter().any(|method| method.label == **label);
    if let Some(label) = one.across.iter().find(unknown) {
        let thing = format!("no method is labelled `{label}`");
        return Err((key, thing, "name methods of this recipe"));
    }
    if distinct.len() < LEAST || distinct.len() < one.across.len() {
        let thing = format!("{} different labels of {}", distinct.len(), one.across.len());
        return Err((key, thing, "name at least five methods, each once"));
    }
    Ok(())
}

fn numbers(one: &Trend) -> Result<(), Problem> {
    let methods = one.across.len();
    for (id, numbers) in &one.along {
        let same = numbers.windows(2).all(|two| two[0] == two[1]);
        let thing = match numbers.len() {
            count if count != methods => format!("{count} numbers for {methods} methods"),
            _ if same => "all numbers are the same".to_owned(),
            _ => continue,
        };
        let remedy = "give one number for each of `across`, and not all of them the same";
        return Err((format!("along.{id}"), thing, remedy));
    }
    Ok(())
}

/// Refuses trends that have numbers for other concepts than the recipe's.
pub(super) fn covers<'a>(
    recipe: &CompareRecipe,
    ids: impl Iterator<Item = &'a str>,
) -> Result<(), Problem> {
    let ids: BTreeSet<&str> = ids.collect();
    for (number, one) in recipe.trend.iter().enumerate() {
        let there: BTreeSet<&str> = one.along.keys().map(String::as_str).collect();
        let key = format!("trend.{number}.along");
        if let Some(id) = ids.difference(&there).next() {
            return Err((key, format!("no numbers for `{id}`"), "give a list for every concept"));
        }
        if let Some(id) = there.difference(&ids).next() {
            return Err((key, format!("`{id}` is no concept of this recipe"), "remove it"));
        }
    }
    Ok(())
}
