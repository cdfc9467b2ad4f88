//! What `generate` is given, checked before anything is computed.
use super::Generate;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::complain;
use oubliette_evidence::{Digest, prompt::MAX_GUIDANCE};
use oubliette_model::families::StableDiffusion;
use oubliette_model::lora::Lora;
use oubliette_model::sample::{Given, Request};
use oubliette_model::{Weight, Weights};
use std::path::PathBuf;

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
    if !(-MAX_GUIDANCE..=MAX_GUIDANCE).contains(&asked.guidance.into()) {
        return Err(Failure::usage(format!(
            "a guidance of {} leads nowhere; choose a number between -{MAX_GUIDANCE} and {MAX_GUIDANCE}",
            asked.guidance
        )));
    }
    Ok(())
}

/// The digest of all that the pictures follow from; which of them is which is said by its number.
pub(super) fn digest(asked: &Generate, device: &str) -> Result<Digest, Failure> {
    let content = |path: &PathBuf| match path.is_dir() {
        true => Digest::of_folder(path),
        false => Digest::of_file(path),
    };
    let model = asked.model.as_ref().map(content).transpose()?;
    let lora = asked.lora.as_ref().map(content).transpose()?;
    let latents = asked.latents.as_ref().map(content).transpose()?;
    let all = serde_json::to_vec(&(
        (env!("CARGO_PKG_VERSION"), device, model, lora, latents),
        (&asked.prompt, &asked.negative, asked.seed, asked.guidance),
        (asked.steps, &asked.sampler, asked.width, asked.height),
    ));
    Ok(Digest::of(&all.expect("plain values")))
}

/// Says on stderr where a text is longer than what the model reads.
pub(super) fn warn_cut(asked: &Generate, sd: &StableDiffusion) -> Result<(), Failure> {
    for (option, text) in [("--prompt", &asked.prompt), ("--negative", &asked.negative)] {
        let read = sd.tokenizer.encode(text)?;
        if read.truncated() {
            complain(&format!(
                "warning: the model reads the first {} tokens of `{option}` and not the last {}; shorten it",
                read.tokens(),
                read.dropped
            ));
        }
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
        Some(path) => {
            let changed = Lora::read(path, &sd.weights)?.changed(&sd.weights);
            let is_finite = |weight: &Weight| weight.to_f32_vec().iter().all(|x| x.is_finite());
            match changed.iter().find(|(_, weight)| !is_finite(weight)) {
                None => Ok(sd.weights.overlaid(&changed)),
                Some((name, _)) => Err(Failure::new(
                    "model-tensor",
                    Exit::Input,
                    format!(
                        "`{}` makes `{name}` of the model no finite numbers; take another adapter",
                        path.display()
                    ),
                )),
            }
        }
    }
}
