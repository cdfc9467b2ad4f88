//! ESD's loss under a disguise: before every step, a word in front of the prompt is sought that brings the concept back.

use burn::tensor::{Tensor, TensorData};
use oubliette_model::{Weight, Weights};
use rand::Rng as _;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::{GuidanceReversal, Objective, Preparing, Scene, Stateful, mean_square};
use crate::{Card, Entry, Result, gradients::gradients, walk};

pub(super) const ENTRY: Entry<dyn Objective> = Entry::of::<Disguised>(Card {
    name: "disguised",
    what: "As `guidance_reversal`, but the student reads the prompt behind one more word, whose vector is first moved to where the student \
           predicts most like the original did under the concept's prompt.",
    changes: "what the mask lets move",
    cost: "`updates` passes through the student for the word, then as `guidance_reversal`",
    source: "Defensive Unlearning with Adversarial Training (AdvUnlearn, arXiv 2405.15234), the bilevel objective and its attack; released code",
    broken_by: "inversion of the concept from pictures (39 in 100 for nudity, arXiv 2405.15234)",
    differs: "gradients of the word are zeroed before every update, where the released attack lets them pile up (`piled = true`); it begins near the \
              word \"the\", with noise as large as the vocabulary's",
    ..Card::BLANK
});

/// What stands where the word is sought.
const WORD: &str = "the";

/// Guidance reversal behind an adversarial word.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Disguised {
    /// The loss that is taken.
    pub reversal: GuidanceReversal,
    /// Updates of the word before a step; 1 is the paper's fast variant.
    pub updates: u32,
    /// Size of an update, by the sign of the gradient.
    pub rate: f64,
    /// Steps at the beginning that are taken without a disguise.
    pub warm_up: u64,
    /// Whether gradients of the word pile up from update to update, as in the released attack.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub piled: bool,
    #[serde(skip)]
    shift: Option<Weight>,
}

impl Default for Disguised {
    fn default() -> Self {
        let reversal = GuidanceReversal::default();
        Self { reversal, updates: 30, rate: 1e-3, warm_up: 200, piled: false, shift: None }
    }
}

/// The word is sought anew in every step, so nothing needs to be kept.
impl Stateful for Disguised {}

impl Objective for Disguised {
    fn loss(&self, scene: &Scene<'_>, student: &Weights) -> Result<Tensor<1>> {
        let Some(shift) = &self.shift else { return self.reversal.loss(scene, student) };
        let target = self.reversal.wanted(scene)?;
        Ok(mean_square(seen(scene, student, shift)?, target))
    }

    fn preparation(&self, step: f64) -> f64 {
        f64::from(self.updates) * step
    }

    fn prepare(&mut self, from: &Preparing<'_>) -> Result<()> {
        self.shift = None;
        if from.at.step - from.at.begins < self.warm_up {
            return Ok(());
        }
        let key = "word".to_owned();
        let mut shift: Weights = [(key.clone(), begin(from)?)].into_iter().collect();
        let goal = goal(&from.scene)?;
        let mut pile = Weights::new();
        for _ in 0..self.updates {
            let found = gradients(&shift, &[key.clone()].into(), |shift| {
                likeness(&from.scene, from.student, shift.get(&key).expect("put there"), &goal)
            })?;
            pile = if self.piled { pile.joined(found.by_name) } else { found.by_name };
            shift = shift.map(|name, old| match pile.get(name) {
                Some(slope) => {
                    let moved = old.flat() - slope.flat().sign() * self.rate;
                    Weight::from_flat(moved, old.shape())
                }
                None => old.clone(),
            });
        }
        self.shift = shift.get(&key).cloned();
        Ok(())
    }
}

impl Disguised {
    /// The same loss with a word that is given: `shift` (tokens, width) is added to the vectors of "the".
    pub fn behind(self, shift: Weight) -> Self {
        Self { shift: Some(shift), ..self }
    }
}

/// What the original predicts under the concept's prompts: what the word is to bring back.
///
/// # Errors
/// When a prompt cannot be tokenised.
pub fn goal(scene: &Scene<'_>) -> Result<Tensor<4>> {
    let (study, batch) = (scene.study, scene.batch);
    let context = study.context(study.original, &batch.prompts)?;
    Ok(study.predict(study.original, batch, context))
}

/// How far the student behind the word is from `goal`; differentiable in `shift`.
///
/// # Errors
/// As [`goal`].
pub fn likeness(
    scene: &Scene<'_>,
    student: &Weights,
    shift: &Weight,
    goal: &Tensor<4>,
) -> Result<Tensor<1>> {
    Ok(mean_square(seen(scene, student, shift)?, goal.clone()))
}

/// The student's prediction with the word in front of every prompt.
fn seen(scene: &Scene<'_>, student: &Weights, shift: &Weight) -> Result<Tensor<4>> {
    let (study, batch) = (scene.study, scene.batch);
    let disguised: Vec<String> =
        batch.prompts.iter().map(|prompt| format!("{WORD} {prompt}")).collect();
    let (tokens, width) = (study.sd.tokenizer.length(), shift.shape()[1]);
    let options = (study.sd.device(), shift.dtype());
    let zeros =
        |rows: usize| Tensor::<2>::from_data(TensorData::zeros::<f32, _>([rows, width]), options);
    // Behind the token that begins every prompt.
    let row = vec![zeros(1), shift.tensor(), zeros(tokens - 1 - shift.shape()[0])];
    let row = Tensor::cat(row, 0).unsqueeze::<3>();
    let shift = Tensor::cat(vec![row; disguised.len()], 0);
    Ok(study.predict(student, batch, study.shifted_context(student, &disguised, shift)?))
}

/// Noise around the word, as large as the vocabulary's vectors are.
fn begin(from: &Preparing<'_>) -> Result<Weight> {
    let sd = from.scene.study.sd;
    let tokens = sd.tokenizer.encode(WORD)?.tokens();
    let width = sd.text.config().width;
    let table = "text_encoder/text_model.embeddings.token_embedding.weight";
    let size = match sd.weights.get(table) {
        Some(table) => {
            let squares: f32 = (table.flat() * table.flat()).mean().into_scalar();
            squares.sqrt()
        }
        None => 1.0,
    };
    let mut rng = from.lot.rng();
    let mut value = || rng.sample::<f32, _>(StandardNormal) * size;
    let values = (0..tokens * width).map(|_| value()).collect();
    Ok(Weight::from_f32(values, &[tokens, width], sd.device(), walk::dtype(sd)))
}
