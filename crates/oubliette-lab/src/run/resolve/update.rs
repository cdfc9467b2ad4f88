//! The plan of an update.

use std::path::PathBuf;

use oubliette_evidence::{
    plan::{Model, UpdatePlan},
    recipe::UpdateRecipe,
    settings::settings,
};

use super::{folder, source};
use crate::{
    Error, Result, captions,
    tuning::{Kind, Tuning},
};

/// A plan with what it stands for on this machine.
pub struct ResolvedUpdate {
    /// The plan.
    pub plan: UpdatePlan,
    /// How it is trained.
    pub tuning: Tuning,
    /// How long.
    pub steps: u64,
    /// The model that is updated.
    pub model: PathBuf,
    /// The pictures.
    pub data: PathBuf,
    /// How many of them have a caption, and are trained on.
    pub pictures: usize,
    /// How many have none, and are left out.
    pub left_out: usize,
    /// Where the updated model goes.
    pub out: PathBuf,
    /// Where the adapter by itself goes, if it is wanted.
    pub adapter: Option<PathBuf>,
}

impl ResolvedUpdate {
    /// What appears at the end.
    pub fn written(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.out).chain(&self.adapter)
    }
}

/// Makes the plan; loads no model.
///
/// # Errors
/// When a file is missing or the training's settings are refused.
pub fn update(recipe: &UpdateRecipe) -> Result<ResolvedUpdate> {
    let document = &recipe.source;
    let mut train = recipe.train.clone();
    let steps = train
        .remove("steps")
        .and_then(|steps| steps.as_integer())
        .and_then(|steps| u64::try_from(steps).ok())
        .filter(|&steps| steps > 0)
        .ok_or_else(|| Error::Input {
            file: format!("`{}`", document.file().display()),
            thing: "`[train]` has no `steps`, or none above 0".to_owned(),
            remedy: "say how long to train, for example `steps = 500`".to_owned(),
        })?;
    let tuning: Tuning = train.try_into().map_err(|source: toml::de::Error| Error::Settings {
        what: "table",
        name: "train".to_owned(),
        source: Box::new(source),
    })?;
    let adapter = recipe.adapter.as_ref().map(|folder| document.beside(folder));
    if adapter.is_some() && tuning.kind == Kind::Full {
        return Err(Error::Input {
            file: format!("`{}`", document.file().display()),
            thing: "`adapter` is given, but a full training makes none".to_owned(),
            remedy: "train with `kind = \"lora\"`, or leave `adapter` out".to_owned(),
        });
    }
    let (model, data) = (document.beside(&recipe.model), document.beside(&recipe.data));
    tuning.stage(&data, steps).check().map_err(|error| match error {
        Error::Input { thing, remedy, .. } => {
            let file = format!("`{}`, table `[train]`", document.file().display());
            Error::Input { file, thing, remedy }
        }
        other => other,
    })?;
    let set = captions::read(&data)?;
    let mut filled = toml::Table::try_from(&tuning).unwrap_or_default();
    filled.insert("steps".to_owned(), i64::try_from(steps).unwrap_or(i64::MAX).into());
    let name =
        data.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let plan = UpdatePlan {
        schema: 1,
        recipe: source(document),
        seed: recipe.seed,
        model: folder(&model)?,
        data: Model { name, digest: captions::digest(&set)? },
        train: settings(&filled)?,
    };
    let out = document.beside(&recipe.out);
    let (pictures, left_out) = (set.len(), captions::left_out(&data, &set)?);
    Ok(ResolvedUpdate { plan, tuning, steps, model, data, pictures, left_out, out, adapter })
}
