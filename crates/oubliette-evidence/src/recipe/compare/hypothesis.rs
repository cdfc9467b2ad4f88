//! What is claimed before the runs: by one measure, one method does better than another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Compared;
use super::claims::{Claim, labelled};
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

impl Claim for Hypothesis {
    fn claim(&self) -> &str {
        &self.claim
    }

    fn by(&self) -> Measure {
        self.by
    }

    /// Both sides are methods of the recipe, and different ones.
    fn check(&self, methods: &[Compared]) -> Result<(), Problem> {
        for (key, labels) in [("better", self.better.all()), ("than", self.than.all())] {
            labelled(key, labels, methods)?;
            if labels.len() != 1 && self.at_hits.is_none() || labels.is_empty() {
                let remedy = "name one label, or settings, weakest first, with `at_hits`";
                return Err((key.into(), format!("{} labels", labels.len()), remedy));
            }
        }
        if self.better.all() == self.than.all() {
            return Err(("than".into(), "both sides are the same".into(), "name two methods"));
        }
        self.equal()
    }
}

impl Hypothesis {
    /// Where the sides are compared at equal hits, there is such a place.
    fn equal(&self) -> Result<(), Problem> {
        let within = self.at_hits.is_none_or(|at| at.get() > 0.0 && at.get() < 1.0);
        if !within || self.at_hits.is_some() && self.by == Measure::Hits {
            let remedy = "give a share between 0 and 1, and compare by something else than hits";
            return Err(("at_hits".into(), "the share says nothing".into(), remedy));
        }
        Ok(())
    }
}
