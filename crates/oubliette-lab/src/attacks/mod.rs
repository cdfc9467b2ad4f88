//! How an examiner tries to bring a concept back; no attack imports a method or knows which one was used.

mod direct;
mod finetune;

pub use direct::Direct;
pub use finetune::Finetune;

use std::path::Path;

use oubliette_evidence::{
    Concept, Prompt,
    plan::{Arm, ArmKind, Role, Standing},
    recipe::Samples,
    settings::Settings,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Card, List, Make, Result,
    subject::{Bench, Subject},
};

/// What an attack is told when a plan is made.
pub struct Brief<'a> {
    /// The concept.
    pub concept: &'a Concept,
    /// Its own prompts, filled in.
    pub prompts: &'a [Prompt],
    /// The subjects there are.
    pub roles: &'a [Role],
    /// How much is looked at, and when.
    pub samples: &'a Samples,
    /// The folder that relative paths start from.
    pub base: &'a Path,
}

/// A way of bringing a concept back.
pub trait Attack {
    /// What will be looked at: one arm for every setting, on all subjects.
    ///
    /// # Errors
    /// When data that the attack needs is missing or unfit.
    fn arms(&self, brief: &Brief<'_>) -> Result<Vec<Arm>>;

    /// The captioned pictures that it trains on, relative to the recipe, where they should not show the concept.
    fn benign(&self) -> Option<&Path> {
        None
    }

    /// The subject as the attack leaves it; nothing when the subject is taken as it is.
    ///
    /// # Errors
    /// When training fails or is interrupted.
    fn prepare(
        &self,
        _arm: &Arm,
        _subject: &dyn Subject,
        _seed: u64,
        _bench: &mut Bench<'_>,
    ) -> Result<Option<Box<dyn Subject>>> {
        Ok(None)
    }
}

impl<A: Attack + Serialize + DeserializeOwned + 'static> Make<dyn Attack> for A {
    fn boxed(self) -> Box<dyn Attack> {
        Box::new(self)
    }
}

/// All attacks.
pub const ATTACKS: List<dyn Attack> =
    List { what: "attack", all: &[direct::ENTRY, finetune::ENTRY] };

/// Draws under the concept's own prompts share this stream, so arms are compared on the same pictures.
pub const OWN_PROMPTS: &str = "concept";

/// An arm that takes subjects as they are; attacks that train fill in the rest.
pub fn arm(
    card: &Card,
    id: String,
    settings: Settings,
    prompts: Vec<Prompt>,
    brief: &Brief<'_>,
) -> Arm {
    Arm {
        id,
        kind: ArmKind::Attack,
        attack: card.name.to_owned(),
        settings,
        standing: Standing::Deciding,
        carries_concept: card.carries_concept,
        best_of: card.best_of,
        trained: false,
        runs: 1,
        series: None,
        steps: None,
        baseline: None,
        after: None,
        concept: None,
        stream: OWN_PROMPTS.to_owned(),
        prompts,
        subjects: brief.roles.to_vec(),
        looks: brief.samples.schedule(brief.samples.per_arm),
    }
}
