//! AdvAnchor: the concept's own tokens, pushed until guidance towards them no longer leads to the concept.

mod schedule;

pub use schedule::Schedule;

use std::collections::BTreeSet;

use burn::tensor::{Tensor, TensorData};
use oubliette_evidence::Concept;
use oubliette_model::{Weight, Weights};
use rand::Rng as _;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::{Anchor, Learning, Stateful};
use crate::{
    Card, Entry, Result, Study,
    gradients::gradients,
    parts::{objective::Under, source::Batch},
    walk, wording,
};

pub(super) const ENTRY: Entry<dyn Anchor> = Entry::of::<Adversarial>(Card {
    name: "adversarial",
    what: "The concept's prompt with a learned shift of the concept's tokens: near to the concept in the text encoder's input, \
           and without what guidance towards the concept adds.",
    cost: "`updates` forwards of the original model and passes through it and the text encoder for every step that learns",
    source: "AdvAnchor (arXiv 2501.00054), losses L_adv1 and L_adv2; released code",
    broken_by: "fine-tuning on unrelated pictures, in AdvAnchor (our own study of methods, on a miniature)",
    differs: "the shift is added to the tokens' vectors before the text encoder (the released encoder is missing); `blank` is the prompt \
              with the superclass in the concept's place, where the release writes the superclass by hand (\"painting\"); \
              the products are of the model's own output: for v-prediction models L_adv1 is one of v, not of the paper's epsilon, and \
              L_adv2, of differences, differs from the paper's in scale alone",
    ..Card::BLANK
});

/// What the shift makes unlike the concept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Similarity {
    /// The predictions themselves (L_adv1).
    Prediction,
    /// What they add to the prediction under the blank prompt (L_adv2).
    #[default]
    Guidance,
}

/// An anchor that learns; one shift for every name of every concept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Adversarial {
    /// What is made unlike.
    pub similarity: Similarity,
    /// What is left when the concept is taken away.
    pub blank: Under,
    /// When it learns.
    pub schedule: Schedule,
    /// Steps of the anchor alone, for the schedules that have such.
    pub period: u64,
    /// Updates of the shift in a step that learns; they end early once the similarity is negative.
    pub updates: u32,
    /// Size of an update: Adam that is begun anew each time moves by the sign of the gradient.
    pub learning_rate: f64,
    #[serde(skip)]
    shifts: Weights,
}

impl Default for Adversarial {
    fn default() -> Self {
        Self {
            similarity: Similarity::Guidance,
            blank: Under::Superclass,
            schedule: Schedule::Alternating,
            period: 50,
            updates: 30,
            learning_rate: 1e-4,
            shifts: Weights::new(),
        }
    }
}

impl Stateful for Adversarial {
    fn state(&self) -> Weights {
        self.shifts.clone()
    }

    fn restore(&mut self, state: &Weights) -> Result<()> {
        self.shifts = state.clone();
        Ok(())
    }
}

impl Anchor for Adversarial {
    fn texts(&self, _concepts: &[Concept], prompts: &[String]) -> Result<Vec<String>> {
        Ok(prompts.to_vec())
    }

    fn condition(
        &self,
        study: &Study<'_>,
        weights: &Weights,
        concepts: &[Concept],
        prompts: &[String],
    ) -> Result<Tensor<3>> {
        let shift = shift_of(study, concepts, prompts, &self.shifts)?;
        study.shifted_context(weights, prompts, shift)
    }

    fn alone(&self, training: u64) -> u64 {
        self.schedule.alone(self.period, training)
    }

    fn learns_alone(&self, step: u64) -> bool {
        self.schedule.is_alone(self.period, step)
    }

    fn learn(&mut self, from: &Learning<'_>) -> Result<()> {
        if self.shifts.is_empty() {
            self.begin(from)?;
        }
        if from.alone || self.schedule.accompanies() {
            self.update(from)?;
        }
        Ok(())
    }
}

impl Adversarial {
    /// One small random shift for every name.
    fn begin(&mut self, from: &Learning<'_>) -> Result<()> {
        let names = from.concepts.iter().flat_map(|concept| &concept.names);
        for (number, name) in names.enumerate() {
            let vocabulary = &from.study.sd.tokenizer;
            let tokens = vocabulary.encode(name)?.tokens();
            let width = from.study.sd.text.config().width;
            let mut rng = from.lot.child("shift").nth(number as u64).rng();
            let mut value = || rng.sample::<f32, _>(StandardNormal) * 1e-7;
            let values = (0..tokens * width).map(|_| value()).collect();
            let (device, dtype) = (from.study.sd.device(), walk::dtype(from.study.sd));
            let shift = Weight::from_f32(values, &[tokens, width], device, dtype);
            self.shifts.insert(name.to_lowercase(), shift);
        }
        Ok(())
    }

    /// Moves the shifts against the similarity, until it is negative.
    fn update(&mut self, from: &Learning<'_>) -> Result<()> {
        let seen = Seen::of(from, self.blank)?;
        let names = named(from.concepts, &from.batch.prompts)?;
        let moving: BTreeSet<String> = names.into_iter().map(|name| name.to_lowercase()).collect();
        for _ in 0..self.updates {
            let found =
                gradients(&self.shifts, &moving, |shifts| self.likeness(from, &seen, shifts))?;
            if found.loss < 0.0 {
                break;
            }
            self.shifts = self.shifts.map(|name, shift| match found.by_name.get(name) {
                None => shift.clone(),
                Some(gradient) => {
                    let step = gradient.flat().sign() * self.learning_rate;
                    Weight::from_flat(shift.flat() - step, shift.shape())
                }
            });
        }
        Ok(())
    }

    /// The mean product of what the original predicts under the shifted prompt and under the concept's.
    pub fn likeness(
        &self,
        from: &Learning<'_>,
        seen: &Seen,
        shifts: &Weights,
    ) -> Result<Tensor<1>> {
        let (study, batch) = (from.study, from.batch);
        let shift = shift_of(study, from.concepts, &batch.prompts, shifts)?;
        let context = study.shifted_context(study.original, &batch.prompts, shift)?;
        let shifted = study.predict(study.original, batch, context);
        let product = match self.similarity {
            Similarity::Prediction => shifted * seen.concept.clone(),
            Similarity::Guidance => {
                let towards = seen.concept.clone() - seen.blank.clone();
                (shifted - seen.blank.clone()) * towards
            }
        };
        Ok(product.mean())
    }
}

/// What the original predicts of a batch, which no shift changes.
pub struct Seen {
    concept: Tensor<4>,
    blank: Tensor<4>,
}

impl Seen {
    /// Under the concept's prompts, and under `blank`.
    ///
    /// # Errors
    /// When a prompt cannot be tokenised.
    pub fn of(from: &Learning<'_>, blank: Under) -> Result<Self> {
        let (study, batch): (&Study<'_>, &Batch) = (from.study, from.batch);
        let texts = blank.texts(from.concepts, &batch.prompts);
        let contexts = [
            study.context(study.original, &batch.prompts)?,
            study.context(study.original, &texts)?,
        ];
        let [concept, blank] = study.predict_many(study.original, batch, contexts);
        Ok(Self { concept, blank })
    }
}

/// The name that each prompt uses.
fn named<'a>(concepts: &'a [Concept], prompts: &[String]) -> Result<Vec<&'a str>> {
    let one = |prompt: &String| wording::must_name(concepts, prompt).map(|(_, name)| name);
    prompts.iter().map(one).collect()
}

/// Shifts at the places of the names, zeros elsewhere: (prompts, tokens, width).
fn shift_of(
    study: &Study<'_>,
    concepts: &[Concept],
    prompts: &[String],
    shifts: &Weights,
) -> Result<Tensor<3>> {
    let (tokenizer, width) = (&study.sd.tokenizer, study.sd.text.config().width);
    let options = (study.sd.device(), walk::dtype(study.sd));
    let zeros = |tokens: usize| {
        Tensor::<2>::from_data(TensorData::zeros::<f32, _>([tokens, width]), options)
    };
    let mut rows = Vec::new();
    for (prompt, name) in prompts.iter().zip(named(concepts, prompts)?) {
        let (mut parts, mut at) = (Vec::new(), 0);
        for place in tokenizer.positions(prompt, name)? {
            let Some(shift) = shifts.get(&name.to_lowercase()) else { continue };
            parts.push(zeros(place.start - at));
            parts.push(shift.tensor());
            at = place.end;
        }
        parts.push(zeros(tokenizer.length() - at));
        rows.push(Tensor::cat(parts, 0).unsqueeze::<3>());
    }
    Ok(Tensor::cat(rows, 0))
}
