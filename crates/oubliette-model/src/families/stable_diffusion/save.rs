//! Writes a changed model as a diffusers folder beside the one that it came from.

use std::path::Path;

use burn::tensor::DType;

use super::open::Source;
use super::{DIFFUSERS_STEM, StableDiffusion, TEXT, TRANSFORMERS_STEM, UNET, VAE};
use crate::attached::{self, ATTACHED, ATTACHED_FILE, WEIGHTS_FILE};
use crate::device::Precision;
use crate::error::{Error, Result};
use crate::networks::Shapes;
use crate::sample::{GUIDANCE_FILE, read_guidance};
use crate::store::{
    CardSection, Component, Copy, Folder, MAX_CONFIG_BYTES, NewFolder, Stored, read_capped,
    write_weights,
};
use crate::weights::Weights;

const CARD: &str = "README.md";
/// Files that are not copied: they are written as they are now.
const WRITTEN: &[&str] = &[CARD, GUIDANCE_FILE, ATTACHED_FILE, WEIGHTS_FILE];

impl StableDiffusion {
    /// Writes a folder with `weights` in the place of the loaded ones; weights that are not given
    /// stay. Untouched files are copied byte for byte, in a changed file only the changed tensors'
    /// bytes differ, and `section` is added to the model card. Weight files in formats or variants
    /// that were not read are left out of changed components, since they hold the old weights.
    ///
    /// A checkpoint in one file is written as a folder, with the files of its base.
    ///
    /// # Errors
    /// The destination exists, a weight does not fit, or reading or writing fails; then nothing is
    /// there.
    pub fn save(
        &self,
        destination: &Path,
        weights: &Weights,
        section: Option<&CardSection>,
    ) -> Result<()> {
        self.refuse_unknown(weights)?;
        let new = NewFolder::create(destination)?;
        let base = match &self.source {
            Source::Folder(folder) => {
                self.copy(folder, weights, &new)?;
                folder
            }
            Source::SingleFile { base, .. } => {
                self.copy_base(base, &new)?;
                self.write_all(weights, &new)?;
                base
            }
        };
        self.write_guidance(base, &new)?;
        self.write_attached(base, weights, &new)?;
        write_card(base, &new, section)?;
        new.finish()
    }

    /// `weights` as a folder that [`StableDiffusion::save`] writes gives them back: rounded to the format of its files.
    /// What is as it was loaded in a shorter format is written as the file had it, not rounded.
    pub fn as_saved(&self, weights: &Weights) -> Weights {
        weights.map(|name, weight| match self.format(name) {
            Some(format) => weight.to(&weight.device(), format),
            None => weight.clone(),
        })
    }

    /// The format that a weight of one of the components is written in.
    fn format(&self, name: &str) -> Option<DType> {
        let component = self.components.iter().find(|one| name.starts_with(&one.qualified("")))?;
        let stored = match &self.source {
            Source::Folder(_) => component.stored_as(name)?,
            Source::SingleFile { .. } => return Some(precision(component).dtype()),
        };
        Some(match stored {
            Stored::F16 => DType::F16,
            Stored::Bf16 => DType::BF16,
            Stored::F32 | Stored::Other(_) => DType::F32,
        })
    }

    fn refuse_unknown(&self, weights: &Weights) -> Result<()> {
        let prefix = format!("{ATTACHED}/");
        let known = |name: &str| {
            self.weights.contains(name) || (self.attached.is_some() && name.starts_with(&prefix))
        };
        match weights.names().find(|name| !known(name)) {
            None => Ok(()),
            Some(name) => {
                let remedy = "merge adapters before saving";
                Err(Error::tensor(self.folder(), name, "is not a weight of this model", remedy))
            }
        }
    }

    fn copy(&self, folder: &Folder, weights: &Weights, new: &NewFolder) -> Result<()> {
        let names = [UNET, VAE, TEXT];
        let components: Vec<(&str, &Component)> = names.into_iter().zip(&self.components).collect();
        Copy { source: folder, components, weights, new, except: WRITTEN }.run()?;
        Ok(())
    }

    /// Everything of the base but its weights.
    fn copy_base(&self, base: &Folder, new: &NewFolder) -> Result<()> {
        let weights = Weights::new();
        let components = Vec::new();
        let copy = Copy { source: base, components, weights: &weights, new, except: WRITTEN };
        copy.without_weights_of(&[UNET, VAE, TEXT])
    }

    /// The policy: the file as it was, unless another one was set.
    fn write_guidance(&self, base: &Folder, new: &NewFolder) -> Result<()> {
        match (self.guidance(), read_guidance(base)?) {
            (None, _) => Ok(()),
            (Some(now), Some(old)) if *now == old => {
                new.copy(&base.path(GUIDANCE_FILE)?, Path::new(GUIDANCE_FILE))
            }
            (Some(now), _) => now.write(new),
        }
    }

    /// What is attached: the files as they were, unless something of it is another now.
    fn write_attached(&self, base: &Folder, weights: &Weights, new: &NewFolder) -> Result<()> {
        let Some(attached) = &self.attached else { return Ok(()) };
        let same = attached::read(base)?.as_ref() == Some(attached);
        if !same || weights.has_component(ATTACHED) {
            return attached::write(new, attached, &self.weights.overlaid(weights));
        }
        for name in [ATTACHED_FILE, WEIGHTS_FILE] {
            new.copy(&base.path(name)?, Path::new(name))?;
        }
        Ok(())
    }

    /// All weights, in the format that the checkpoint has most of.
    fn write_all(&self, weights: &Weights, new: &NewFolder) -> Result<()> {
        let all = self.weights.overlaid(weights);
        let parts: [(&str, &str, Shapes); 3] = [
            (UNET, DIFFUSERS_STEM, self.unet.shapes()),
            (VAE, DIFFUSERS_STEM, self.vae.shapes()),
            (TEXT, TRANSFORMERS_STEM, self.text.shapes()),
        ];
        for ((name, stem, shapes), component) in parts.into_iter().zip(&self.components) {
            let path = new.place(&Path::new(name).join(format!("{stem}.safetensors")))?;
            write_weights(&path, &all, name, &shapes, precision(component))?;
        }
        Ok(())
    }
}

/// Half precision only where every tensor has it.
fn precision(component: &Component) -> Precision {
    let stored: Vec<_> = component.stored().collect();
    match stored.first() {
        Some(Stored::F16) if stored.iter().all(|s| *s == Stored::F16) => Precision::F16,
        Some(Stored::Bf16) if stored.iter().all(|s| *s == Stored::Bf16) => Precision::Bf16,
        _ => Precision::F32,
    }
}

fn write_card(base: &Folder, new: &NewFolder, section: Option<&CardSection>) -> Result<()> {
    let card = match base.has(CARD) {
        true => Some(read_capped(&base.path(CARD)?, MAX_CONFIG_BYTES)?),
        false => None,
    };
    match (card, section) {
        (None, None) => Ok(()),
        (Some(card), None) => new.write(Path::new(CARD), &card),
        (card, Some(section)) => {
            let card = String::from_utf8(card.unwrap_or_default()).map_err(|_| {
                let remedy = "save the model card as UTF-8";
                Error::file(&base.root().join(CARD), "is not UTF-8 text", remedy)
            })?;
            new.write(Path::new(CARD), section.added_to(&card).as_bytes())
        }
    }
}
