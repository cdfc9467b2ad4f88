//! How strong each adapter is for a prompt: facilitated transport (SPM, arXiv 2312.16145).

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::{DType, Tensor, TensorData};

use super::Attached;
use crate::error::Result;
use crate::families::StableDiffusion;
use crate::weights::{Weight, Weights};

/// How strong each adapter is for one picture, by id.
pub type Strengths = BTreeMap<String, f32>;

/// The strengths of all adapters for the rows of one forward: one tensor (rows) for every adapter.
#[derive(Clone, Debug)]
pub struct Gates(BTreeMap<String, Tensor<1>>);

impl Gates {
    /// For rows with these strengths, which name the same adapters; nothing where there are none.
    pub fn of_rows(rows: &[&Strengths], model: &StableDiffusion) -> Option<Self> {
        let first = rows.first().filter(|row| !row.is_empty())?;
        let one = |id: &String| {
            let values: Vec<f32> = rows.iter().map(|row| row[id]).collect();
            let data = TensorData::new(values, [rows.len()]);
            (id.clone(), Tensor::from_data(data, (model.device(), DType::F32)))
        };
        Some(Self(first.keys().map(one).collect()))
    }

    /// The strengths of one adapter in a number format, shaped to multiply a tensor whose first axis is the rows.
    pub(crate) fn of<const D: usize>(&self, id: &str, dtype: DType) -> Option<Tensor<D>> {
        let strengths = self.0.get(id)?.clone().cast(dtype);
        let mut shape = [1; D];
        shape[0] = strengths.dims()[0];
        Some(strengths.reshape(shape))
    }
}

/// The strength of every adapter for each of `prompts`: of its texts, the most that one's encoding has in common with the
/// prompt's (their cosine) or that its tokens do (the share of them that the prompt holds).
///
/// # Errors
/// When a text is absurdly long.
pub fn strengths(
    model: &StableDiffusion,
    weights: &Weights,
    prompts: &BTreeSet<String>,
) -> Result<BTreeMap<String, Strengths>> {
    let mut all: BTreeMap<String, Strengths> = BTreeMap::new();
    let Some(Attached::GatedAdapters { texts }) = model.attached() else { return Ok(all) };
    let mut read = Vec::with_capacity(prompts.len());
    for prompt in prompts {
        read.push((prompt, encoded(model, weights, prompt)?, tokens(model, prompt)?));
    }
    for (id, texts) in texts {
        for text in texts {
            let (own, ids) = (encoded(model, weights, text)?, tokens(model, text)?);
            for (prompt, said, words) in &read {
                let like = cosine(said, &own).max(shared(words, &ids));
                let most = all.entry((*prompt).clone()).or_default().entry(id.clone()).or_default();
                *most = most.max(like);
            }
        }
    }
    Ok(all)
}

/// What the text encoder makes of a text, as one row.
fn encoded(model: &StableDiffusion, weights: &Weights, text: &str) -> Result<Vec<f32>> {
    let context = model.encode_prompts(weights, &[text.to_owned()])?;
    Ok(Weight::new(context).to_f32_vec())
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(1e-12)) as f32
}

/// A text's own ids.
fn tokens(model: &StableDiffusion, text: &str) -> Result<BTreeSet<u32>> {
    let encoded = model.tokenizer.encode(text)?;
    Ok(encoded.ids[1..encoded.used - 1].iter().copied().collect())
}

fn shared(prompt: &BTreeSet<u32>, text: &BTreeSet<u32>) -> f32 {
    prompt.intersection(text).count() as f32 / text.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likeness_is_an_angle_or_a_share() {
        assert!((cosine(&[1.0, 0.0], &[1.0, 1.0]) - 0.5_f32.sqrt()).abs() < 1e-6);
        assert_eq!(cosine(&[0.0], &[0.0]), 0.0);
        let set = |ids: &[u32]| ids.iter().copied().collect::<BTreeSet<u32>>();
        assert_eq!(shared(&set(&[1, 2, 3]), &set(&[3, 4])), 0.5);
        assert_eq!(shared(&set(&[1]), &set(&[])), 0.0);
    }
}
