//! The models under study and how they are asked.

use std::{collections::BTreeMap, path::PathBuf};

use oubliette_evidence::{
    plan::{PlannedSampling, Role, Subject},
    recipe::AuditRecipe,
};
use oubliette_model::{
    attached::Attached, families::StableDiffusion, sample::Guidance, schedule,
    tokenizer::ClipTokenizer,
};

use crate::{
    Result, geometry,
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

/// The sampling with what the recipe leaves to the model, and what reads prompts for it.
pub(super) fn sampling(
    recipe: &AuditRecipe,
    places: &Places,
) -> Result<(PlannedSampling, ClipTokenizer)> {
    let asked = &recipe.sampling;
    let sd = StableDiffusion::load(places.folder(Role::Original)?, &places.context.options()?)?;
    let own = sd.schedule.sampler()?.name;
    let sampler = schedule::find(asked.sampler.as_deref().unwrap_or(own))?.name;
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
