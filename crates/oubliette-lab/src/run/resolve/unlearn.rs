//! The plan of an unlearning.

use std::{collections::BTreeMap, path::PathBuf};

use oubliette_evidence::{
    Concept, Digest, Prompt,
    plan::UnlearnPlan,
    recipe::{Order, UnlearnRecipe},
    settings::settings,
    several::Several,
};

use super::{base, folder, source};
use crate::{
    Error, METHODS, Result, captions, describe, methods::Stage, parts::mix::Mix, training::Train,
};

/// One run of the method: for one concept, or for all at once.
pub struct Turn {
    /// What is forgotten in it.
    pub concepts: Vec<Concept>,
    /// The stages, built.
    pub stages: Vec<Stage>,
}

/// A plan with what it stands for on this machine.
pub struct ResolvedUnlearn {
    /// The plan.
    pub plan: UnlearnPlan,
    /// What is done, in order.
    pub turns: Vec<Turn>,
    /// The model that is to forget.
    pub model: PathBuf,
    /// Where the model that has forgotten goes.
    pub out: PathBuf,
}

impl ResolvedUnlearn {
    /// All stages, in order.
    pub fn stages(&self) -> impl Iterator<Item = &Stage> {
        self.turns.iter().flat_map(|turn| &turn.stages)
    }
}

/// Makes the plan; loads no model.
///
/// # Errors
/// When a file is missing, or the method refuses its settings or the concept.
pub fn unlearn(recipe: &UnlearnRecipe) -> Result<ResolvedUnlearn> {
    let document = &recipe.source;
    let (concepts, prompts) = read(recipe)?;
    let mut asked = recipe.method.settings.clone();
    let mix = Mix::take(&mut asked)?;
    let filled = METHODS.fill(&recipe.method.name, asked)?;
    let method = METHODS.build(&recipe.method.name, filled.clone())?;
    let mut turns = Vec::new();
    for concepts in turns_of(&concepts, recipe.order) {
        let mut stages = method.stages(concepts)?;
        if let Some(mix) = &mix {
            mix.apply(&mut stages, &base(document))?;
        }
        if recipe.order == Order::Merged && stages.iter().any(Stage::is_beside_the_weights) {
            let thing =
                format!("`merged` merges changes of weights; `{}` makes none", recipe.method.name);
            return Err(document.error("order", thing, "write `together` or `in-turn`").into());
        }
        for train in stages.iter().filter_map(Stage::training) {
            train.check()?;
        }
        turns.push(Turn { concepts: concepts.to_vec(), stages });
    }
    let model = document.beside(&recipe.model);
    let inputs = inputs(turns.iter().flat_map(|turn| &turn.stages))?;
    let stages = turns.iter().flat_map(|turn| &turn.stages);
    let described = stages.map(|stage| settings(&describe::stage(stage)));
    let plan = UnlearnPlan {
        schema: 1,
        recipe: source(document),
        seed: recipe.seed,
        model: folder(&model)?,
        concept: Several::of(concepts),
        order: recipe.order,
        merge: (recipe.order == Order::Merged).then(|| recipe.merge.unwrap_or_default()),
        prompts,
        method: recipe.method.name.clone(),
        settings: settings(&filled)?,
        stages: described.collect::<Result<_, _>>()?,
        inputs,
    };
    Ok(ResolvedUnlearn { plan, turns, model, out: document.beside(&recipe.out) })
}

/// Digests of the pictures that stages look at, by the number of the stage and the key of the recipe.
fn inputs<'a>(stages: impl Iterator<Item = &'a Stage>) -> Result<BTreeMap<String, Digest>> {
    let mut inputs = BTreeMap::new();
    for (number, stage) in stages.enumerate() {
        for (key, source) in stage.training().into_iter().flat_map(Train::sources) {
            if let Some(folder) = source.folder() {
                let digest = captions::digest(&captions::read(folder)?)?;
                inputs.insert(format!("{number}/{key}"), digest);
            }
        }
    }
    Ok(inputs)
}

/// The concepts with their prompts.
fn read(recipe: &UnlearnRecipe) -> Result<(Vec<Concept>, Vec<Prompt>)> {
    let (mut concepts, mut prompts) = (Vec::<Concept>::new(), Vec::new());
    for file in recipe.concept.all() {
        let file = recipe.source.beside(file);
        let concept = Concept::read(&file)?;
        if concepts.iter().any(|other| other.id == concept.id) {
            return Err(Error::Input {
                file: file.display().to_string(),
                thing: format!("the concept `{}` is named twice", concept.id),
                remedy: "name every concept once".to_owned(),
            });
        }
        prompts.extend(concept.prompts(&file)?);
        concepts.push(concept);
    }
    Ok((concepts, prompts))
}

/// What the method is given each time that it runs.
fn turns_of(concepts: &[Concept], order: Order) -> Vec<&[Concept]> {
    match order {
        Order::Together => vec![concepts],
        Order::InTurn | Order::Merged => concepts.chunks(1).collect(),
    }
}
