//! Safe latent diffusion: guidance is corrected where it leads towards the concept's names; no weight changes.

use oubliette_evidence::Concept;
use oubliette_model::sample::{Guidance, SafeLatent};
use serde::{Deserialize, Serialize};

use super::{
    Method, Stage,
    negative::{guide, text},
};
use crate::{Card, Entry, Result};

pub(super) const ENTRY: Entry<dyn Method> = Entry::of::<Sld>(Card {
    name: "sld",
    what: "A sampling policy: a third prediction, under the concept's names, corrects guidance wherever the prompt's \
           prediction comes near it, with a momentum over the calls. The folder carries it as a guide.",
    changes: "no weight: a guide beside the model, which other programs do not follow",
    cost: "nothing to make; three forwards of a picture's call in the place of two",
    broken_by: "the concept's own prompts (our own study of methods, on a miniature); \
                a prompt that is the very text: the two predictions are one, so nothing is corrected; every program that ignores the guide, diffusers among them; samplings hardly longer than the warm-up, which counts \
                calls (the published ones are for 50 steps); searched prompts (arXiv 2309.06135)",
    source: "Safe Latent Diffusion (arXiv 2211.05105), equations 3 to 8 and its four sets of numbers; \
             StableDiffusionPipelineSafe in diffusers",
    differs: "weak has the paper's scale 200 where diffusers has 20; it works at every guidance and every scale, where diffusers \
              leaves it out at a guidance or scale of 1 and below; momentum is gathered during the warm-up, as in diffusers; what is led \
              away from is the concept's names, not the release's list of offences",
    ..Card::BLANK
});

/// The published sets of numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// Late and soft, without momentum.
    Weak,
    /// The release's default.
    #[default]
    Medium,
    /// Earlier and harder.
    Strong,
    /// From the first call, wherever the predictions differ.
    Max,
}

/// What a recipe may say; what it leaves out follows from the strength.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    strength: Strength,
    text: Option<String>,
    warmup: Option<u32>,
    scale: Option<f64>,
    threshold: Option<f64>,
    momentum_scale: Option<f64>,
    momentum_beta: Option<f64>,
}

/// Safe latent diffusion with every choice made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Asked")]
pub struct Sld {
    /// The set that the other numbers are taken from where a recipe does not give them.
    pub strength: Strength,
    /// What is led away from; absent: the concept's names, with commas between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Calls of the denoiser without correction.
    pub warmup: u32,
    /// How fast the correction grows with the distance of the two predictions.
    pub scale: f64,
    /// Corrected is where the prompt's prediction is less than this above the names'.
    pub threshold: f64,
    /// How much of the momentum is added.
    pub momentum_scale: f64,
    /// How much of the momentum is kept from call to call.
    pub momentum_beta: f64,
}

impl From<Asked> for Sld {
    fn from(asked: Asked) -> Self {
        let (warmup, scale, threshold, momentum_scale, momentum_beta) = match asked.strength {
            Strength::Weak => (15, 200.0, 0.0, 0.0, 0.0),
            Strength::Medium => (10, 1000.0, 0.01, 0.3, 0.4),
            Strength::Strong => (7, 2000.0, 0.025, 0.5, 0.7),
            Strength::Max => (0, 5000.0, 1.0, 0.5, 0.7),
        };
        Self {
            strength: asked.strength,
            text: asked.text,
            warmup: asked.warmup.unwrap_or(warmup),
            scale: asked.scale.unwrap_or(scale),
            threshold: asked.threshold.unwrap_or(threshold),
            momentum_scale: asked.momentum_scale.unwrap_or(momentum_scale),
            momentum_beta: asked.momentum_beta.unwrap_or(momentum_beta),
        }
    }
}

impl Method for Sld {
    fn stages(&self, concepts: &[Concept]) -> Result<Vec<Stage>> {
        guide(Guidance::SafeLatent(SafeLatent {
            text: text(self.text.as_deref(), concepts),
            warmup: self.warmup,
            scale: self.scale,
            threshold: self.threshold,
            momentum_scale: self.momentum_scale,
            momentum_beta: self.momentum_beta,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::METHODS;

    fn table(text: &str) -> toml::Table {
        text.parse().unwrap()
    }

    fn sld(settings: toml::Table) -> Sld {
        METHODS.fill("sld", settings).unwrap().try_into().unwrap()
    }

    #[test]
    fn a_strength_is_a_set_of_numbers_of_which_each_can_be_given() {
        let numbers = |sld: &Sld| {
            (sld.warmup, sld.scale, sld.threshold, sld.momentum_scale, sld.momentum_beta)
        };
        assert_eq!(numbers(&sld(toml::Table::new())), (10, 1000.0, 0.01, 0.3, 0.4));
        assert_eq!(numbers(&sld(table("strength = 'weak'"))), (15, 200.0, 0.0, 0.0, 0.0));
        let given = table("strength = 'max'\nwarmup = 3\nmomentum_beta = 0.25");
        assert_eq!(numbers(&sld(given)), (3, 5000.0, 1.0, 0.5, 0.25));
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        let wrong = METHODS.build("sld", table("text = 'a fox'\nscale = nan")).unwrap();
        let error = wrong.stages(&[]).err().unwrap().to_string();
        assert!(error.contains("`scale` is NaN") && error.contains("1000000"), "{error}");
    }
}
