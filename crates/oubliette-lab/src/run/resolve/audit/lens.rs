//! The model whose features of pictures are compared, and the real pictures that they are compared with.

use std::path::{Path, PathBuf};

use oubliette_evidence::{
    Concept, Digest,
    plan::{Model, PlannedFrechet, Scorer},
    recipe::AuditRecipe,
};
use oubliette_model::families::Backbone;

use crate::{
    DETECTORS, Error, Result, captions,
    run::{Context, Lens},
};

/// Fewest pictures of a set, where the recipe does not say.
const LEAST: u32 = 30;

/// What the plan says of it, and the loaded model; `file` is the concept's own.
///
/// # Errors
/// No model is named, the one that is has no features, or a folder cannot be read.
pub(super) fn of(
    recipe: &AuditRecipe,
    concept: &Concept,
    file: &Path,
    context: &Context,
) -> Result<(Option<PlannedFrechet>, Option<Lens>)> {
    let Some(asked) = &recipe.frechet else { return Ok((None, None)) };
    let path = match (&asked.features, &recipe.alignment) {
        (Some(path), _) => recipe.source.beside(path),
        (None, Some(alignment)) => recipe.source.beside(&alignment.model),
        (None, None) => detector(concept, file)?,
    };
    let model = super::folder(&path)?;
    let device = context.open()?;
    let backbone = Backbone::load(&path, &device)?;
    let real = asked.against.as_ref().map(|folder| recipe.source.beside(folder));
    let real =
        real.map(|folder| Ok::<_, Error>((captions::pictures(&folder)?, folder))).transpose()?;
    let least = asked.least.unwrap_or(LEAST);
    let planned = PlannedFrechet {
        features: Scorer { name: model.name, digest: model.digest },
        width: u32::try_from(backbone.width()).unwrap_or(u32::MAX),
        least,
        against: real.as_ref().map(|(files, folder)| against(files, folder, least)).transpose()?,
    };
    Ok((Some(planned), Some(Lens { backbone, device, real: real.map(|(files, _)| files) })))
}

/// What the deciding detector looks with.
fn detector(concept: &Concept, file: &Path) -> Result<PathBuf> {
    let none = || Error::Input {
        file: "the recipe".to_owned(),
        thing: "`frechet` names no `features`, and neither alignment nor detector has a model"
            .to_owned(),
        remedy: "name the folder of a CLIP model or a classifier".to_owned(),
    };
    let spec = concept.detector.first().ok_or_else(none)?;
    let detector = DETECTORS.build(&spec.kind, spec.settings.clone())?;
    let model = detector.model().ok_or_else(none)?;
    Ok(file.parent().unwrap_or(Path::new("")).join(model))
}

/// The real pictures by name and content.
fn against(files: &[PathBuf], folder: &Path, least: u32) -> Result<Model> {
    if files.len() < least as usize {
        return Err(Error::Input {
            file: format!("`{}`", folder.display()),
            thing: format!("has {} pictures; a distance needs {least} at least", files.len()),
            remedy: "give more pictures, or leave `against` out".to_owned(),
        });
    }
    let mut text = String::new();
    for file in files {
        text += &format!("{}\n", Digest::of_file(file)?);
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Model { name, digest: Digest::of(text.as_bytes()) })
}
