//! An image classifier: the concept is one of its labels, and a hit is a probability above a threshold.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use image::RgbImage;
use oubliette_evidence::{Concept, Share, event::Score};
use oubliette_model::families::Classifier as Network;
use serde::{Deserialize, Serialize};

use super::{Detector, Eye, TOGETHER, relatives};
use crate::{Card, Entry, Error, Result};

pub(super) const ENTRY: Entry<dyn Detector> = Entry::of::<Classifier>(Card {
    name: "classifier",
    what: "Takes a picture for the concept when a ViT classifier gives the concept's label a probability of at least `threshold`.",
    cost: "one forward of the classifier a picture",
    broken_by: "pictures of nothing: the classifier must still choose among its labels, so measure its error on them",
    source: "UnlearnCanvas (arXiv 2402.11846), section 3: ViT judges",
    differs: "a probability threshold instead of the most likely label, so that doubt is not a hit",
    ..Card::BLANK
});

/// Settings of the classifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Classifier {
    /// Folder of a `ViTForImageClassification`.
    pub model: PathBuf,
    /// The concept's label.
    pub label: String,
    /// Smallest probability of a hit.
    #[serde(default = "half")]
    pub threshold: f64,
    /// Labels that count as the superclass; empty: the concept, its superclass and its neighbours.
    #[serde(default)]
    pub superclass: Vec<String>,
    /// Captioned pictures, with and without the concept, on which the error is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<PathBuf>,
}

fn half() -> f64 {
    0.5
}

impl Detector for Classifier {
    fn model(&self) -> Option<&Path> {
        Some(&self.model)
    }

    fn calibration(&self) -> Option<&Path> {
        self.calibration.as_deref()
    }

    fn open(&self, concept: &Concept, model: &Path, device: &Device) -> Result<Box<dyn Eye>> {
        if !(0.0..=1.0).contains(&self.threshold) || self.threshold == 0.0 {
            return Err(refuse(
                format!("`threshold` is {}", self.threshold),
                "choose one above 0 and up to 1",
            ));
        }
        let network = Network::load(model, device)?;
        let known = relatives(concept, &self.superclass);
        let superclass = network
            .network
            .labels
            .iter()
            .enumerate()
            .filter(|(_, label)| **label == self.label || known.contains(label))
            .map(|(at, _)| at)
            .collect();
        let ready = Ready {
            superclass,
            name: concept.superclass.clone(),
            label: self.label.clone(),
            threshold: self.threshold,
            network,
            device: device.clone(),
        };
        ready.place(None)?;
        Ok(Box::new(ready))
    }
}

/// The loaded classifier.
struct Ready {
    network: Network,
    device: Device,
    label: String,
    threshold: f64,
    /// What the superclass is called in keep arms.
    name: Option<String>,
    /// Places of the labels that count as the superclass.
    superclass: Vec<usize>,
}

impl Ready {
    /// Places of the labels whose probabilities together make a hit.
    fn place(&self, sought: Option<&str>) -> Result<Vec<usize>> {
        let label = sought.unwrap_or(&self.label);
        match self.network.label(label) {
            Some(at) => Ok(vec![at]),
            None if sought.is_some() && sought == self.name.as_deref() => {
                Ok(self.superclass.clone())
            }
            None => Err(refuse(
                format!("the classifier has no label `{label}`"),
                "use one of the labels in its `config.json`",
            )),
        }
    }
}

impl Eye for Ready {
    fn look(&self, pictures: &[RgbImage], sought: &[Option<&str>]) -> Result<Vec<Score>> {
        let mut scores = Vec::with_capacity(pictures.len());
        for (pictures, sought) in pictures.chunks(TOGETHER).zip(sought.chunks(TOGETHER)) {
            let shares = self.network.probabilities(pictures, &self.device);
            let [_, labels] = shares.dims();
            let shares: Vec<f32> =
                shares.into_data().convert::<f32>().try_into_vec().expect("just converted");
            for (row, sought) in shares.chunks_exact(labels).zip(sought) {
                scores.push(self.score(row, *sought)?);
            }
        }
        Ok(scores)
    }

    fn knows(&self, label: &str) -> bool {
        self.place(Some(label)).is_ok()
    }
}

impl Ready {
    fn score(&self, row: &[f32], sought: Option<&str>) -> Result<Score> {
        let sum = |places: &[usize]| places.iter().map(|&at| f64::from(row[at])).sum::<f64>();
        let best = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(at, _)| at);
        let probability = sum(&self.place(sought)?).clamp(0.0, 1.0);
        Ok(Score {
            hit: probability >= self.threshold,
            probability: Some(Share::new(probability)?),
            superclass: best.map(|at| self.superclass.contains(&at)),
        })
    }
}

fn refuse(thing: String, remedy: &str) -> Error {
    let file = "the detector `classifier`".to_owned();
    Error::Input { file, thing, remedy: remedy.to_owned() }
}
