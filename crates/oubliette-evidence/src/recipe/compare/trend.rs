//! What is claimed before the runs of many methods at once: the more of something, the better.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::claims::{Claim, labelled};
use super::hypothesis::Measure;
use super::{CompareRecipe, Compared};
use crate::Real;
use crate::hypotheses::ERROR;
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

impl Claim for Trend {
    fn claim(&self) -> &str {
        &self.claim
    }

    fn by(&self) -> Measure {
        self.by
    }

    fn check(&self, methods: &[Compared]) -> Result<(), Problem> {
        labelled("across", &self.across, methods)?;
        if self.across.len() < LEAST {
            let thing = format!("{} labels", self.across.len());
            return Err(("across".into(), thing, "name at least five methods"));
        }
        numbers(self)
    }
}

/// Refuses trends over so few methods that even the best order, and its reverse, are too likely by chance.
pub(super) fn decidable(recipe: &CompareRecipe) -> Result<(), Problem> {
    let claims = recipe.hypothesis.len() + recipe.trend.len();
    for (number, one) in recipe.trend.iter().enumerate() {
        let orders: f64 = (1..=one.across.len()).map(|factor| factor as f64).product();
        if 2.0 / orders > ERROR / claims as f64 {
            let thing =
                format!("{} methods cannot decide one of {claims} claims", one.across.len());
            return Err((
                format!("trend.{number}.across"),
                thing,
                "name more methods, or claim less",
            ));
        }
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
