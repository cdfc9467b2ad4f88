//! ESD: train the model, under the concept's name, to go where guidance away from the concept would go.

use oubliette_evidence::Concept;
use serde::{Deserialize, Serialize};

use super::{Method, Stage};
use crate::{
    Card, Entry, Result,
    parts::{
        anchor::Nothing,
        combiner::Sum,
        mask::Select,
        objective::{From, GuidanceReversal},
        source::{Trajectory, Whose},
    },
    training::{Optimiser, Train, Weighted},
};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<Esd>(Card {
    name: "esd",
    what: "Trains the denoiser so that the concept's name steers away from what it used to steer to.",
    changes: "x: cross-attention; u: all of the denoiser but cross-attention, output and time embedding; \
              x-strict: keys and values of cross-attention; all: the whole denoiser",
    cost: "a step is a partial sampling (25 guided steps on average), three forwards of the original (two with the release of 2025) and one training step",
    broken_by: "embedding and prompt searches (arXiv 2308.01508, 2310.11868); \
                fine-tuning on unrelated pictures (arXiv 2410.08074, and our own study of methods, on a miniature), and there the own prompts of a style",
    source: "Erasing Concepts from Diffusion Models (arXiv 2303.07345), equation 7 and section 4.1; released code of 2023 and 2025",
    differs: "the noisy latents end at the noise level of the drawn timestep, where the first release's sampler stops two \
              levels later; AdamW without decay equals its Adam; v-prediction models are trained on v",
    ..Card::BLANK
});

/// Which weights move.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// Cross-attention: for names, artists, styles.
    #[default]
    X,
    /// Everything else: for objects and for what shows without being named.
    U,
    /// Keys and values of cross-attention.
    XStrict,
    /// The whole denoiser.
    All,
}

/// Whose conventions: they differ in where eta is measured from and in which model draws the latents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Release {
    /// The paper and the code of 2023: eta 1 from the empty prompt, 1000 steps at 1e-5.
    #[default]
    Paper,
    /// The diffusers code of 2025: eta 2 from the concept (the same target), 200 steps at 5e-5, latents by the original model.
    Diffusers,
}

/// What a recipe may say; what it leaves out follows from the release.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    variant: Variant,
    release: Release,
    eta: Option<f64>,
    learning_rate: Option<f64>,
    steps: Option<u64>,
    batch: Option<usize>,
    guidance: Option<f64>,
    sampling_steps: Option<u32>,
    pairs: Option<u32>,
    prompts: Vec<String>,
}

/// ESD with every choice made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Asked")]
pub struct Esd {
    /// Which weights move.
    pub variant: Variant,
    /// Whose conventions.
    pub release: Release,
    /// Strength of the reversed guidance, in the release's convention.
    pub eta: f64,
    /// Learning rate of Adam.
    pub learning_rate: f64,
    /// Training steps.
    pub steps: u64,
    /// Rows of a step.
    pub batch: usize,
    /// Guidance scale of the sampling that makes the latents.
    pub guidance: f64,
    /// DDIM steps of a whole sampling.
    pub sampling_steps: u32,
    /// Training pairs taken from one sampling: 1 as in the paper, more to save time.
    pub pairs: u32,
    /// Texts to erase; empty: the concepts' names.
    pub prompts: Vec<String>,
}

impl TryFrom<Asked> for Esd {
    type Error = String;

    fn try_from(asked: Asked) -> std::result::Result<Self, String> {
        let (eta, learning_rate, steps) = match asked.release {
            Release::Paper => (1.0, 1e-5, 1000),
            Release::Diffusers => (2.0, 5e-5, 200),
        };
        let esd = Esd {
            variant: asked.variant,
            release: asked.release,
            eta: asked.eta.unwrap_or(eta),
            learning_rate: asked.learning_rate.unwrap_or(learning_rate),
            steps: asked.steps.unwrap_or(steps),
            batch: asked.batch.unwrap_or(1),
            guidance: asked.guidance.unwrap_or(3.0),
            sampling_steps: asked.sampling_steps.unwrap_or(50),
            pairs: asked.pairs.unwrap_or(1),
            prompts: asked.prompts,
        };
        if !(esd.eta.is_finite() && esd.eta >= 0.0) {
            return Err(format!("`eta` is {}; it must be 0 or more", esd.eta));
        }
        Ok(esd)
    }
}

impl Esd {
    fn mask(&self) -> Select {
        match (self.variant, self.release) {
            (Variant::X, _) => Select::of(&["attn2"]),
            (Variant::XStrict, _) => Select::of(&["attn2-kv"]),
            (Variant::All, Release::Paper) => Select::of(&["unet"]),
            (Variant::U, Release::Paper) => Select {
                include: vec!["all-but-attn2".to_owned()],
                exclude: ["unet/conv_norm_out.*", "unet/conv_out.*", "unet/time_embedding.*"]
                    .map(str::to_owned)
                    .to_vec(),
            },
            // The later release trains linear and convolution layers, and leaves norms alone.
            (Variant::U, Release::Diffusers) => {
                Select { include: vec!["all-but-attn2".to_owned()], exclude: norms() }
            }
            (Variant::All, Release::Diffusers) => {
                Select { include: vec!["unet".to_owned()], exclude: norms() }
            }
        }
    }

    fn source(&self) -> Trajectory {
        Trajectory {
            prompts: self.prompts.clone(),
            guidance: self.guidance,
            steps: self.sampling_steps,
            batch: self.batch,
            pairs: self.pairs,
            ..match self.release {
                Release::Paper => {
                    Trajectory { model: Whose::Student, bucket: true, ..Trajectory::default() }
                }
                Release::Diffusers => {
                    Trajectory { model: Whose::Original, bucket: false, ..Trajectory::default() }
                }
            }
        }
    }
}

fn norms() -> Vec<String> {
    vec![r"re:norm[0-9]*\.(weight|bias)$".to_owned(), r"re:norm_out\.(weight|bias)$".to_owned()]
}

impl Method for Esd {
    fn stages(&self, _concepts: &[Concept]) -> Result<Vec<Stage>> {
        let from = match self.release {
            Release::Paper => From::Anchor,
            Release::Diffusers => From::Concept,
        };
        let forget = GuidanceReversal { eta: self.eta, from };
        let train = Train {
            source: Box::new(self.source()),
            anchor: Box::new(Nothing {}),
            forget: vec![Weighted::one(forget)],
            combiner: Box::new(Sum {}),
            mask: Box::new(self.mask()),
            optimiser: Optimiser { learning_rate: self.learning_rate, ..Optimiser::default() },
            steps: self.steps,
            ..Train::named("erase")
        };
        Ok(vec![Stage::Train(Box::new(train))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::METHODS;

    #[test]
    fn defaults_are_the_papers() {
        let defaults: Esd = METHODS.find("esd").unwrap().defaults().unwrap().try_into().unwrap();
        assert_eq!((defaults.eta, defaults.learning_rate, defaults.steps), (1.0, 1e-5, 1000));
        assert_eq!((defaults.guidance, defaults.sampling_steps, defaults.batch), (3.0, 50, 1));
    }

    #[test]
    fn a_release_brings_its_own_values() {
        let table = toml::toml! { release = "diffusers" };
        let filled = METHODS.fill("esd", table).unwrap();
        assert_eq!(filled["eta"].as_float(), Some(2.0));
        assert_eq!(filled["steps"].as_integer(), Some(200));
    }

    #[test]
    fn wrong_settings_are_refused() {
        for table in
            [toml::toml! { etta = 1.0 }, toml::toml! { eta = nan }, toml::toml! { variant = "y" }]
        {
            assert!(METHODS.build("esd", table).is_err());
        }
    }
}
