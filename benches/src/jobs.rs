//! The losses of whole jobs on given latents, times and noise, as the program's own parts compute them: shown equal to the other side's
//! before any job is timed. The jobs themselves are run by the program.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use burn::tensor::Device;
use oubliette_evidence::Concept;
use oubliette_evidence::document::Document;
use oubliette_lab::Study;
use oubliette_lab::parts::{
    anchor::{Anchor, Nothing, Replaced},
    objective::{AnchorMatch, Ascent, From, GuidanceReversal, NoiseMse, Objective, Scene},
    source::Batch,
};
use oubliette_model::families::{LoadOptions, StableDiffusion};
use serde::Deserialize;

use crate::Run;
use crate::inputs::Inputs;

/// What the losses follow from.
#[derive(Deserialize)]
pub(crate) struct Settings {
    model: PathBuf,
    concept: PathBuf,
    prompts: Vec<String>,
    anchor_name: String,
    eta: f64,
    truncate: f64,
}

/// A model, and a batch without prompts.
pub(crate) struct Losses {
    settings: Settings,
    concept: Concept,
    sd: StableDiffusion,
    inputs: Inputs,
}

impl Losses {
    pub(crate) fn open(folder: &Path, settings: Settings) -> Result<Self> {
        let concept = Concept::parse(&Document::read(&settings.concept)?)?;
        let sd = StableDiffusion::load(&settings.model, &LoadOptions::on(Device::flex()))?;
        let inputs = Inputs::read(&folder.join("inputs.safetensors"))?;
        Ok(Self { settings, concept, sd, inputs })
    }

    fn batch(&self, prompts: Vec<String>) -> Result<Batch> {
        let (latents, timesteps) = (self.inputs.float("x")?, self.inputs.float("t")?);
        let target = Some(self.inputs.float("noise")?);
        Ok(Batch { latents, timesteps, prompts, target, seen: None })
    }
}

impl Run for Losses {
    fn run(&mut self) -> Result<()> {
        bail!("whole jobs are run by the program, not by this worker")
    }

    /// ESD, ablation, ascent, descent.
    fn check(&mut self) -> Result<Vec<f32>> {
        let (weights, concepts) = (&self.sd.weights, std::slice::from_ref(&self.concept));
        let study = Study::new(&self.sd, weights, None, &Default::default(), weights);
        let (nothing, other) = (Nothing {}, Replaced { with: self.settings.anchor_name.clone() });
        let own = self.settings.prompts.iter().cycle().take(self.inputs.float::<4>("x")?.dims()[0]);
        let named = self.batch(own.cloned().collect())?;
        let replaced = self.batch(other.texts(concepts, &named.prompts)?)?;
        let esd = GuidanceReversal { eta: self.settings.eta, from: From::Concept };
        let losses: [(&dyn Objective, &dyn Anchor, &Batch); 4] = [
            (&esd, &nothing, &named),
            (&AnchorMatch::default(), &other, &named),
            (&Ascent { truncate: self.settings.truncate }, &nothing, &named),
            (&NoiseMse {}, &nothing, &replaced),
        ];
        let value = |(loss, anchor, batch): (&dyn Objective, &dyn Anchor, &Batch)| {
            let scene = Scene { study: &study, concepts, anchor, batch };
            let values = loss.loss(&scene, weights)?.into_data().convert::<f32>();
            values.as_slice().ok().and_then(|one| one.first().copied()).context("no loss")
        };
        losses.into_iter().map(value).collect()
    }
}
