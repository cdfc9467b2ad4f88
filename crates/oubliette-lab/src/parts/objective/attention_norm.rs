//! Forget by resteering attention: pixels stop looking at the concept's tokens.

use burn::tensor::{Tensor, TensorData};
use oubliette_model::Weights;
use serde::{Deserialize, Serialize};

use super::{Objective, Scene, Stateful};
use crate::{Card, Entry, Error, Result, wording};

pub(super) const ENTRY: Entry<dyn Objective> = Entry::of::<AttentionNorm>(Card {
    name: "attention_norm",
    what: "The Euclidean norm of all cross-attention maps at the tokens of the concept's name.",
    changes: "what the mask lets move",
    cost: "the student's forward with its attention maps kept",
    source: "Forget-Me-Not (arXiv 2303.17591), attention resteering; released code; squared: MACE (arXiv 2403.06135)",
    broken_by: "prompts that name the concept in other words; 98 in 100 adversarial prompts (arXiv 2405.15234)",
    ..Card::BLANK
});

/// The norm of what is looked at in the concept's name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttentionNorm {
    /// Take the square of the norm (MACE).
    pub squared: bool,
}

impl Stateful for AttentionNorm {}

impl Objective for AttentionNorm {
    fn loss(&self, scene: &Scene<'_>, student: &Weights) -> Result<Tensor<1>> {
        let (study, batch) = (scene.study, scene.batch);
        let named = named(scene)?;
        let context = study.context(student, &batch.prompts)?;
        let (_, looked) = study.predict_watched(student, batch, context);
        let squares = looked.into_iter().map(|attended| {
            let there = attended.map() * named.clone();
            (there.clone() * there).sum()
        });
        let all = squares.reduce(|sum, one| sum + one).ok_or_else(|| Error::Input {
            file: "the model".to_owned(),
            thing: "its denoiser looks at no prompt".to_owned(),
            remedy: "use a method that needs no cross-attention".to_owned(),
        })?;
        Ok(if self.squared { all } else { root(all) })
    }
}

/// The root of a sum of squares; where all of them are zero, and nothing is left to forget, its gradient is zero too.
fn root(squares: Tensor<1>) -> Tensor<1> {
    (squares + f64::from(f32::MIN_POSITIVE)).sqrt()
}

/// 1 at the tokens of the concept's name in each prompt: (batch, 1, 1, tokens).
fn named(scene: &Scene<'_>) -> Result<Tensor<4>> {
    let tokenizer = &scene.study.sd.tokenizer;
    let (rows, tokens) = (scene.batch.prompts.len(), tokenizer.length());
    let mut values = vec![0.0f32; rows * tokens];
    for (row, prompt) in values.chunks_exact_mut(tokens).zip(&scene.batch.prompts) {
        let (_, name) = wording::must_name(scene.concepts, prompt)?;
        for place in tokenizer.positions(prompt, name)? {
            row[place].fill(1.0);
        }
    }
    let latents = &scene.batch.latents;
    let data = TensorData::new(values, [rows, 1, 1, tokens]);
    Ok(Tensor::from_data(data, (&latents.device(), latents.dtype())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use oubliette_model::{Weight, train::value_and_gradients};

    #[test]
    fn where_nothing_is_attended_there_is_no_gradient() {
        let maps = Weight::new(Tensor::<1>::zeros([3], &Device::flex()));
        let weights: Weights = [("maps".to_owned(), maps)].into_iter().collect();
        let moving = ["maps".to_owned()].into();
        let (_, found) = value_and_gradients(&weights, &moving, |weights| {
            let maps = weights.get("maps").unwrap().tensor::<1>();
            Ok(root((maps.clone() * maps).sum()))
        })
        .unwrap();
        assert_eq!(found.get("maps").unwrap().to_f32_vec(), [0.0; 3]);
    }
}
