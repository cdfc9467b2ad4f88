//! What `generate` is given, checked before anything is computed.
use super::Generate;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::complain;
use oubliette_evidence::Digest;
use oubliette_model::Weights;
use oubliette_model::families::StableDiffusion;
use oubliette_model::lora::Lora;
use oubliette_model::sample::{Given, Request};
use std::io;
use std::path::{Path, PathBuf};

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

/// Refuses a place where the pictures could not be written, before any is made.
pub(super) fn check_place(files: &[PathBuf]) -> Result<(), Failure> {
    let refused = |path: &Path, why: &str| {
        let message = format!("`{}` {why}; choose another place with `--out`", path.display());
        Failure::new("file-unwritable", Exit::Input, message)
    };
    if let Some(taken) = files.iter().find(|file| file.is_dir()) {
        return Err(refused(taken, "is a folder"));
    }
    // All of them lie in one folder.
    let folder = files.first().and_then(|file| file.parent());
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(refused(folder, "is no folder that is there"));
    }
    match tempfile::Builder::new().prefix(".oubliette-").tempfile_in(folder) {
        Ok(_) => Ok(()),
        // Its own words name the file that was tried.
        Err(source) => Err(Failure::unwritable(folder, &io::Error::from(source.kind()))),
    }
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
                read.used - 2,
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
        Some(path) => Ok(Lora::read(path, &sd.weights)?.merge(&sd.weights)),
    }
}
