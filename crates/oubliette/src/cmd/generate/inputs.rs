//! What `generate` is given, checked before anything is computed.
use super::Generate;
use crate::failure::Failure;
use oubliette_model::Weights;
use oubliette_model::families::StableDiffusion;
use oubliette_model::lora::Lora;
use oubliette_model::sample::{Given, Request};

/// Refuses what no model could do.
pub(super) fn check(asked: &Generate) -> Result<(), Failure> {
    if asked.out.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("png")) {
        return Err(Failure::usage(format!(
            "`--out {}` is no PNG file; end its name with `.png`",
            asked.out.display()
        )));
    }
    if asked.width.is_some() != asked.height.is_some() {
        return Err(Failure::usage("one side is missing; give `--width` and `--height` together"));
    }
    if !asked.guidance.is_finite() || !(-1000.0..=1000.0).contains(&asked.guidance) {
        return Err(Failure::usage(format!(
            "a guidance of {} leads nowhere; choose a number between -1000 and 1000",
            asked.guidance
        )));
    }
    Ok(())
}

/// One request for each picture.
pub(super) fn requests(asked: &Generate) -> Result<Vec<Request>, Failure> {
    let given = asked.latents.as_deref().map(Given::read).transpose()?;
    let count = given.as_ref().map_or(usize::from(asked.count), Vec::len);
    let request = |index: usize| Request {
        prompt: asked.prompt.clone(),
        negative: asked.negative.clone(),
        guidance: asked.guidance,
        steps: asked.steps.into(),
        seed: asked.seed.wrapping_add(index as u64),
        size: asked.height.zip(asked.width),
        given: given.as_ref().map(|given| given[index].clone()),
        ..Request::default()
    };
    Ok((0..count).map(request).collect())
}

/// The model's weights, with the adapter worked in.
pub(super) fn weights(asked: &Generate, sd: &StableDiffusion) -> Result<Weights, Failure> {
    match &asked.lora {
        None => Ok(sd.weights.clone()),
        Some(path) => Ok(Lora::read(path, &sd.weights)?.merge(&sd.weights)),
    }
}
