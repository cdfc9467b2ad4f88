//! Work whose time is followed as it grows: encoding many prompts, editing many concepts in closed form.

use std::path::Path;

use anyhow::Result;
use burn::tensor::Device;
use oubliette_evidence::Concept;
use oubliette_evidence::document::Document;
use oubliette_lab::Study;
use oubliette_lab::lot::Lot;
use oubliette_lab::methods::{Edit as _, Uce};
use oubliette_model::Weights;
use oubliette_model::families::{LoadOptions, StableDiffusion};
use serde::Deserialize;

use crate::Run;
use crate::inputs::some;

/// How much there is of it.
#[derive(Deserialize)]
pub(crate) struct Settings {
    #[serde(default)]
    prompts: usize,
    #[serde(default)]
    concepts: usize,
    #[serde(default)]
    preserved: usize,
}

fn model(folder: &Path) -> Result<StableDiffusion> {
    Ok(StableDiffusion::load(&folder.join("model"), &LoadOptions::on(Device::flex()))?)
}

/// Prompts through the text encoder, all in one batch.
pub(crate) struct Encode {
    sd: StableDiffusion,
    prompts: Vec<String>,
}

impl Encode {
    pub(crate) fn open(folder: &Path, settings: &Settings) -> Result<Self> {
        let prompts = (0..settings.prompts).map(|number| format!("picture {number} of a red fox"));
        Ok(Self { sd: model(folder)?, prompts: prompts.collect() })
    }
}

impl Run for Encode {
    fn run(&mut self) -> Result<()> {
        self.sd.encode_prompts(&self.sd.weights, &self.prompts)?.into_data();
        Ok(())
    }

    fn check(&mut self) -> Result<Vec<f32>> {
        Ok(some(self.sd.encode_prompts(&self.sd.weights, &self.prompts)?))
    }
}

/// UCE on several concepts at once, with names that must stay.
pub(crate) struct Edit {
    sd: StableDiffusion,
    concepts: Vec<Concept>,
    uce: Uce,
}

impl Edit {
    pub(crate) fn open(folder: &Path, settings: &Settings) -> Result<Self> {
        let concepts = (0..settings.concepts).map(concept).collect::<Result<_>>()?;
        let preserve = (0..settings.preserved).map(|number| format!("animal {number}")).collect();
        let uce = Uce { guide: Some("a house".to_owned()), preserve, ..Uce::default() };
        Ok(Self { sd: model(folder)?, concepts, uce })
    }

    fn once(&self) -> Result<Weights> {
        let weights = &self.sd.weights;
        // A fresh one: what a study remembers of prompts would make every run after the first a shorter one.
        let study = Study::new(&self.sd, weights, None, &Default::default(), weights);
        Ok(self.uce.edit(&study, &self.concepts, weights, Lot::new(0))?)
    }
}

impl Run for Edit {
    fn run(&mut self) -> Result<()> {
        self.once().map(drop)
    }

    fn check(&mut self) -> Result<Vec<f32>> {
        let changed = self.once()?;
        Ok(changed.iter().filter_map(|(_, weight)| weight.to_f32_vec().first().copied()).collect())
    }
}

/// A concept that only has a name.
fn concept(number: usize) -> Result<Concept> {
    let text = format!(
        "schema = 1\nid = \"thing-{number}\"\nkind = \"object\"\nnames = [\"thing {number}\"]\nreason = \"a benchmark\"\n\
         prompts = [\"a {{name}}\"]\n[[detector]]\nkind = \"classifier\"\nmodel = \"none\"\nlabel = \"thing\"\n[claim]\n\
         tolerated = 0.05\nreturned = 0.3\nfalse_alarm = 0.05\nmissed_return = 0.05\nkeep_margin = 0.05\n"
    );
    Ok(Concept::parse(&Document::new(Path::new("the benchmark"), text))?)
}
