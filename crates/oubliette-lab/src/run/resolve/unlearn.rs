//! The plan of an unlearning.

use std::{collections::BTreeMap, path::PathBuf};

use oubliette_evidence::{
    Concept, Digest, Prompt,
    document::Document,
    plan::UnlearnPlan,
    recipe::{Order, UnlearnRecipe},
    settings::settings,
    several::Several,
};

use super::{base, folder, source, tables};
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
    /// The parts that the recipe puts in place of the method's.
    pub parts: Option<toml::Table>,
    /// Where the adapter that the change is goes by itself, if it is wanted.
    pub adapter: Option<PathBuf>,
}

impl ResolvedUnlearn {
    /// All stages, in order.
    pub fn stages(&self) -> impl Iterator<Item = &Stage> {
        self.turns.iter().flat_map(|turn| &turn.stages)
    }

    /// What appears at the end.
    pub fn written(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.out).chain(&self.adapter)
    }

    /// How many trainings a finished run has recorded.
    pub fn trainings(&self) -> usize {
        self.stages().count() + usize::from(self.plan.merge.is_some())
    }
}

/// Makes the plan; loads no model.
///
/// # Errors
/// When a file is missing, or the method refuses its settings or the concept.
pub fn unlearn(recipe: &UnlearnRecipe) -> Result<ResolvedUnlearn> {
    let document = &recipe.source;
    let (concepts, prompts) = read(recipe)?;
    let (filled, mix) = asked(recipe, recipe.settings(&concepts)?)?;
    refuse_nameless(&filled, document)?;
    let method = METHODS.build(&recipe.method.name, filled.clone())?;
    let mut turns = Vec::new();
    for concepts in turns_of(&concepts, recipe.order) {
        let mut stages = method.stages(concepts).map_err(|error| placed(error, document))?;
        if let Some(mix) = &mix {
            mix.apply(&mut stages, &base(document)).map_err(|error| placed(error, document))?;
        }
        if recipe.order == Order::Merged && stages.iter().any(Stage::is_beside_the_weights) {
            let thing =
                format!("`merged` merges changes of weights; `{}` makes none", recipe.method.name);
            return Err(document.error("order", thing, "write `together` or `in-turn`").into());
        }
        for train in stages.iter().filter_map(Stage::training) {
            let checked = train.check().and_then(|()| train.anchor.check(concepts));
            checked.map_err(|error| placed(error, document))?;
        }
        turns.push(Turn { concepts: concepts.to_vec(), stages });
    }
    let adapter = recipe.adapter.as_ref().map(|adapter| document.beside(adapter));
    if adapter.is_some() {
        let stages: Vec<_> = turns.iter().flat_map(|turn| &turn.stages).collect();
        check_adapter(&stages)
            .map_err(|(thing, remedy)| document.error("adapter", thing, remedy))?;
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
    let parts = recipe.method.settings.get("parts").and_then(toml::Value::as_table).cloned();
    Ok(ResolvedUnlearn { plan, turns, model, out: document.beside(&recipe.out), parts, adapter })
}

/// Refuses to write an adapter by itself where the change is none, or not one alone; gives what is wrong, and a remedy.
fn check_adapter(stages: &[&Stage]) -> Result<(), (&'static str, &'static str)> {
    match stages {
        [Stage::Train(train)] if train.lora.is_some() => Ok(()),
        [Stage::Train(_)] => Err((
            "the method moves the model's own weights, which is no adapter",
            "write `lora = { rank = 4 }` in `[method.parts]`, or leave `adapter` out",
        )),
        _ => Err((
            "what the method changes is no adapter by itself: it has another way to change weights, or more than one training",
            "take a method of one training, and one concept or all together; or leave `adapter` out",
        )),
    }
}

/// Scenes that the method of a recipe leaves for tests, at most `count`, with `{name}` where a name belongs; loads no model.
///
/// # Errors
/// When the method leaves none, or refuses its settings.
pub fn held_back_scenes(recipe: &UnlearnRecipe, count: usize) -> Result<Vec<String>> {
    let (filled, _) = asked(recipe, recipe.method.settings.clone())?;
    let scenes = METHODS.build(&recipe.method.name, filled)?.held_back_scenes(count)?;
    if scenes.is_empty() {
        let thing =
            format!("`{}` leaves no scenes for tests with these settings", recipe.method.name);
        let remedy = "name a recipe whose method makes scenes of `words`";
        return Err(recipe.source.error("method.name", thing, remedy).into());
    }
    Ok(scenes)
}

/// The words that a method's own sentences have places for; nothing for a method that nobody knows.
pub fn places(method: &str) -> &'static [&'static str] {
    METHODS.find(method).map_or(&[], |entry| entry.card.places)
}

/// The method's settings with what lies in files of their own and with every default, and the parts that take the place of its own.
fn asked(recipe: &UnlearnRecipe, mut asked: toml::Table) -> Result<(toml::Table, Option<Mix>)> {
    recipe.check_braces(places(&recipe.method.name))?;
    let mix = Mix::take(&mut asked).map_err(|error| {
        let remedy = "see `oubliette list parts`, and for `lora` its `rank` and `alpha`";
        recipe.source.error("method.parts", one_line(&error), remedy)
    })?;
    let fill = |settings| METHODS.fill(&recipe.method.name, settings);
    tables::read(&mut asked, &recipe.source, fill)?;
    Ok((fill(asked)?, mix))
}

/// What a reader of TOML says, which goes over several lines.
fn one_line(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = error.to_string();
        source = error.source();
    }
    text.lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join(", ")
}

/// Refuses templates in which no name has a place: prompts made of the others would be trained on, and nobody would know.
fn refuse_nameless(settings: &toml::Table, recipe: &Document) -> Result<()> {
    let templates = settings.get("templates").and_then(toml::Value::as_array);
    for (number, template) in templates.into_iter().flatten().enumerate() {
        if let Some(text) = template.as_str().filter(|text| !text.contains("{name}")) {
            let (key, thing) = (
                format!("method.templates.{number}"),
                format!("the template `{text}` names nothing"),
            );
            let remedy = "write `{name}` where the name belongs";
            return Err(recipe.error(&key, thing, remedy).into());
        }
    }
    Ok(())
}

/// A refusal by who knows the recipe's content alone, with the recipe's name.
fn placed(error: Error, recipe: &Document) -> Error {
    match error {
        Error::Input { file, thing, remedy } if file.starts_with("the recipe") => {
            let name = format!("`{}`", recipe.file().display());
            Error::Input { file: file.replacen("the recipe", &name, 1), thing, remedy }
        }
        other => other,
    }
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
