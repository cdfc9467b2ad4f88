//! What decides whether a picture shows the concept; a detector errs, and its error is measured.

mod calibration;
mod classifier;
mod clip;

pub use calibration::calibrate;
pub use classifier::Classifier;
pub use clip::Clip;

use std::path::Path;

use burn::tensor::Device;
use image::RgbImage;
use oubliette_evidence::{Concept, event::Score};
use serde::{Serialize, de::DeserializeOwned};

use crate::{List, Make, Result};

/// The settings of a detector, as a concept file gives them.
pub trait Detector {
    /// The model folder it looks with, as the concept file names it; nothing when it needs none.
    fn model(&self) -> Option<&Path>;

    /// A folder of captioned pictures on which its error is measured, where one is given.
    fn calibration(&self) -> Option<&Path>;

    /// Loads what it needs; `model` is where its folder lies.
    ///
    /// # Errors
    /// When the folder is no such model, or does not know the concept.
    fn open(&self, concept: &Concept, model: &Path, device: &Device) -> Result<Box<dyn Eye>>;
}

/// A detector that is ready to look.
pub trait Eye {
    /// What each picture shows. `sought` says per picture what a hit is: a label, or with nothing the concept.
    ///
    /// # Errors
    /// When a label is not one that this detector knows.
    fn look(&self, pictures: &[RgbImage], sought: &[Option<&str>]) -> Result<Vec<Score>>;

    /// Whether it can look for `label`.
    fn knows(&self, label: &str) -> bool;
}

impl<D: Detector + Serialize + DeserializeOwned + 'static> Make<dyn Detector> for D {
    fn boxed(self) -> Box<dyn Detector> {
        Box::new(self)
    }
}

/// All detectors.
pub const DETECTORS: List<dyn Detector> =
    List { what: "detector", all: &[classifier::ENTRY, clip::ENTRY] };

/// Pictures looked at together; what is seen does not depend on it.
pub(crate) const TOGETHER: usize = 32;

/// The concept's superclass and neighbours: what counts as a superclass hit where nothing else is said.
fn relatives(concept: &Concept, given: &[String]) -> Vec<String> {
    let usual = concept.superclass.iter().chain(&concept.keep).chain(&concept.names);
    if given.is_empty() { usual.cloned().collect() } else { given.to_vec() }
}
