//! The plan of an unlearning.

use std::path::PathBuf;

use oubliette_evidence::{Concept, plan::UnlearnPlan, recipe::UnlearnRecipe, settings::settings};

use super::{base, folder, source};
use crate::{METHODS, Result, describe, methods::Stage, parts::mix::Mix};

/// A plan with what it stands for on this machine.
pub struct ResolvedUnlearn {
    /// The plan.
    pub plan: UnlearnPlan,
    /// The stages, built.
    pub stages: Vec<Stage>,
    /// The model that is to forget.
    pub model: PathBuf,
    /// Where the model that has forgotten goes.
    pub out: PathBuf,
}

/// Makes the plan; loads no model.
///
/// # Errors
/// When a file is missing, or the method refuses its settings or the concept.
pub fn unlearn(recipe: &UnlearnRecipe) -> Result<ResolvedUnlearn> {
    let document = &recipe.source;
    let file = document.beside(&recipe.concept);
    let concept = Concept::read(&file)?;
    let mut asked = recipe.method.settings.clone();
    let mix = Mix::take(&mut asked)?;
    let filled = METHODS.fill(&recipe.method.name, asked)?;
    let method = METHODS.build(&recipe.method.name, filled.clone())?;
    let mut stages = method.stages(std::slice::from_ref(&concept))?;
    if let Some(mix) = mix {
        mix.apply(&mut stages, &base(document))?;
    }
    let model = document.beside(&recipe.model);
    let described = stages.iter().map(|stage| settings(&describe::stage(stage)));
    let plan = UnlearnPlan {
        schema: 1,
        recipe: source(document),
        seed: recipe.seed,
        model: folder(&model)?,
        prompts: concept.prompts(&file)?,
        concept,
        method: recipe.method.name.clone(),
        settings: settings(&filled)?,
        stages: described.collect::<Result<_, _>>()?,
        inputs: Default::default(),
    };
    Ok(ResolvedUnlearn { plan, stages, model, out: document.beside(&recipe.out) })
}
