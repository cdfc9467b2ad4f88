//! The models under study and how they are asked.

use std::{collections::BTreeMap, path::PathBuf};

use oubliette_evidence::{
    plan::{PlannedSampling, Role, Subject},
    recipe::{AuditRecipe, Sampling},
};
use oubliette_model::{
    attached::Attached,
    families::StableDiffusion,
    sample::Guidance,
    schedule::{self, Steps},
    tokenizer::ClipTokenizer,
};

use crate::{
    Error, Result, geometry,
    run::{Context, Places},
};

/// The subjects by name and content, and where they lie.
pub(super) fn of(recipe: &AuditRecipe, context: &Context) -> Result<(Vec<Subject>, Places)> {
    let given = &recipe.subjects;
    let asked = [
        (Role::Original, Some(&given.original)),
        (Role::Unlearned, Some(&given.unlearned)),
        (Role::Updated, given.updated.as_ref()),
        (Role::NeverExposed, given.never_exposed.as_ref()),
    ];
    let (mut subjects, mut folders) = (Vec::new(), BTreeMap::<Role, PathBuf>::new());
    for (role, path) in asked {
        let Some(path) = path.map(|path| recipe.source.beside(path)) else { continue };
        let model = super::folder(&path)?;
        let guided = Guidance::of_folder(&path)?.is_some();
        let attached = Attached::of_folder(&path)?.is_some();
        let (name, digest) = (model.name, model.digest);
        subjects.push(Subject { role, name, digest, guided, attached });
        folders.insert(role, path);
    }
    let batch = recipe.sampling.batch as usize;
    Ok((subjects, Places { folders, context: context.clone(), batch }))
}

/// The sampler that is asked for, else the model's own; one that could not walk the model's schedule is refused before anything is drawn.
fn sampler(asked: &Sampling, sd: &StableDiffusion) -> Result<&'static schedule::Entry> {
    let named = asked.sampler.as_deref().map(schedule::find).transpose()?;
    let found = named.map_or_else(|| sd.schedule.sampler(), Ok);
    let steps = Steps { count: asked.steps as usize, eta: 0.0 };
    let walked = found.and_then(|sampler| (sampler.build)(&sd.schedule, steps).map(|_| sampler));
    walked.map_err(|error| Error::Input {
        file: format!("`{}`", sd.folder().join("scheduler/scheduler_config.json").display()),
        thing: format!("with it no picture can be sampled as `[sampling]` asks: {error}"),
        remedy: "write `sampler = \"ddim\"` in `[sampling]`, which runs on most schedules"
            .to_owned(),
    })
}

/// The sampling with what the recipe leaves to the model, and what reads prompts for it.
pub(super) fn sampling(
    recipe: &AuditRecipe,
    places: &Places,
) -> Result<(PlannedSampling, ClipTokenizer)> {
    let asked = &recipe.sampling;
    let sd = StableDiffusion::load(places.folder(Role::Original)?, &places.context.options()?)?;
    let sampler = sampler(asked, &sd)?.name;
    let (width, height) = geometry::picture(&sd);
    let planned = PlannedSampling {
        sampler: sampler.to_owned(),
        steps: asked.steps,
        guidance: asked.guidance,
        width: asked.width.unwrap_or(width),
        height: asked.height.unwrap_or(height),
    };
    Ok((planned, sd.tokenizer))
}
