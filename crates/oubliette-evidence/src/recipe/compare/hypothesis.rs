//! What is claimed before the runs: by one measure, one method does better than another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Compared;
use crate::recipe::Problem;
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

/// What two methods are compared by, in pictures of 100.
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

/// Refuses claims about what is not compared.
pub(super) fn check(all: &[Hypothesis], methods: &[Compared]) -> Result<(), Problem> {
    for (number, one) in all.iter().enumerate() {
        let problem = |key: &str, thing: String, remedy| {
            Err((format!("hypothesis.{number}.{key}"), thing, remedy))
        };
        if one.claim.trim().is_empty() || all[..number].iter().any(|o| o.claim == one.claim) {
            return problem("claim", format!("`{}`", one.claim), "give each a claim of its own");
        }
        for (key, labels) in [("better", one.better.all()), ("than", one.than.all())] {
            let unknown = |label: &&String| !methods.iter().any(|m| m.label == **label);
            if let Some(label) = labels.iter().find(unknown) {
                return problem(
                    key,
                    format!("no method is labelled `{label}`"),
                    "name methods of this recipe",
                );
            }
            if labels.len() != 1 && one.at_hits.is_none() || labels.is_empty() {
                let thing = format!("{} labels", labels.len());
                return problem(
                    key,
                    thing,
                    "name one label, or settings, weakest first, with `at_hits`",
                );
            }
        }
        if one.better == one.than {
            return problem("than", "both sides are the same".into(), "name two methods");
        }
    }
    Ok(())
}
