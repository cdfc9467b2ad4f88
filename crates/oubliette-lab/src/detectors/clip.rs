//! Zero-shot CLIP: the concept's names against its superclass, its neighbours and nothing in particular.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
};

use burn::tensor::{Device, Tensor, activation::softmax};
use image::RgbImage;
use oubliette_evidence::{Concept, Share, event::Score};
use oubliette_model::families::Clip as Network;
use serde::{Deserialize, Serialize};

use super::{Detector, Eye, TOGETHER};
use crate::{Card, Entry, Error, Result, wording};

pub(super) const ENTRY: Entry<dyn Detector> = Entry::of::<Clip>(Card {
    name: "clip",
    what: "Takes a picture for the concept when CLIP finds its names likelier than all other texts, by at least `threshold`.",
    cost: "one forward of CLIP's image half a picture",
    broken_by: "a CLIP model whose text half is the model's own text encoder; texts that leave out what is drawn instead",
    source: "CLIP (arXiv 2103.00020), section 3.1; MACE (arXiv 2403.06135) evaluates with it",
    ..Card::BLANK
});

/// Settings of zero-shot CLIP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clip {
    /// Folder of a `CLIPModel`.
    pub model: PathBuf,
    /// The text around every name.
    #[serde(default = "template")]
    pub template: String,
    /// What the names are compared with; empty: the superclass and the neighbours.
    #[serde(default)]
    pub against: Vec<String>,
    /// Smallest probability of a hit.
    #[serde(default = "half")]
    pub threshold: f64,
    /// Captioned pictures, with and without the concept, on which the error is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<PathBuf>,
}

fn template() -> String {
    "a picture of a {name}".to_owned()
}

fn half() -> f64 {
    0.5
}

impl Detector for Clip {
    fn model(&self) -> Option<&Path> {
        Some(&self.model)
    }

    fn calibration(&self) -> Option<&Path> {
        self.calibration.as_deref()
    }

    fn open(&self, concept: &Concept, model: &Path, device: &Device) -> Result<Box<dyn Eye>> {
        let mut against = self.against.clone();
        if against.is_empty() {
            against.extend(concept.superclass.iter().chain(&concept.keep).cloned());
        }
        against.retain(|text| !concept.names.contains(text));
        if against.is_empty() || !(0.0..=1.0).contains(&self.threshold) {
            return Err(Error::Input {
                file: "the detector `clip`".to_owned(),
                thing: "it has nothing to compare the concept with, or a threshold outside 0 to 1"
                    .to_owned(),
                remedy: "give `against`, or the concept a superclass or neighbours".to_owned(),
            });
        }
        let relatives = concept.superclass.iter().chain(&concept.keep).cloned().collect();
        Ok(Box::new(Ready {
            network: Network::load(model, device)?,
            device: device.clone(),
            names: concept.names.clone(),
            against,
            relatives,
            template: self.template.clone(),
            threshold: self.threshold,
            known: RefCell::default(),
        }))
    }
}

/// The loaded model with the texts it has read.
struct Ready {
    network: Network,
    device: Device,
    names: Vec<String>,
    against: Vec<String>,
    relatives: Vec<String>,
    template: String,
    threshold: f64,
    known: RefCell<Vec<(Vec<String>, Tensor<2>)>>,
}

impl Eye for Ready {
    fn look(&self, pictures: &[RgbImage], sought: &[Option<&str>]) -> Result<Vec<Score>> {
        let mut scores = Vec::with_capacity(pictures.len());
        for (pictures, sought) in pictures.chunks(TOGETHER).zip(sought.chunks(TOGETHER)) {
            let images = self.network.image_embeddings(pictures, &self.device);
            for (row, sought) in sought.iter().enumerate() {
                scores.push(self.score(images.clone().narrow(0, row, 1), *sought)?);
            }
        }
        Ok(scores)
    }

    fn knows(&self, _label: &str) -> bool {
        true
    }
}

impl Ready {
    fn score(&self, image: Tensor<2>, sought: Option<&str>) -> Result<Score> {
        // The sought label (or all names) first, then everything else.
        let first: Vec<String> =
            sought.map_or_else(|| self.names.clone(), |label| vec![label.to_owned()]);
        let others = self.names.iter().chain(&self.against).filter(|text| !first.contains(text));
        let all: Vec<String> = first.iter().chain(others).cloned().collect();
        let texts = self.texts(&all)?;
        let shares = softmax(self.network.logits(image, texts), 1);
        let shares: Vec<f32> =
            shares.into_data().convert::<f32>().try_into_vec().expect("just converted");
        let probability =
            shares.iter().take(first.len()).copied().map(f64::from).sum::<f64>().clamp(0.0, 1.0);
        let best =
            shares.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(at, _)| &all[at]);
        let related = |text: &String| self.relatives.contains(text) || self.names.contains(text);
        Ok(Score {
            hit: probability >= self.threshold,
            probability: Some(Share::new(probability)?),
            superclass: best.map(related),
        })
    }

    fn texts(&self, names: &[String]) -> Result<Tensor<2>> {
        let mut known = self.known.borrow_mut();
        if let Some((_, embeddings)) = known.iter().find(|(known, _)| known == names) {
            return Ok(embeddings.clone());
        }
        let texts: Vec<String> =
            names.iter().map(|name| wording::fill(&self.template, name)).collect();
        let embeddings = self.network.text_embeddings(&texts, &self.device)?;
        known.push((names.to_vec(), embeddings.clone()));
        Ok(embeddings)
    }
}
