//! Prompts encoded once each, whatever the number of pictures that want them.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::Tensor;

use super::Request;
use super::guidance::{self, Guidance};
use crate::error::Result;
use crate::families::StableDiffusion;
use crate::weights::Weights;

/// Prompts that go through the text encoder together.
const BATCH: usize = 32;

/// What one set of weights makes of prompts, by their text. It is only good for those weights.
#[derive(Clone, Debug, Default)]
pub struct PromptCache {
    /// (1, tokens, width) by prompt.
    encoded: BTreeMap<String, Tensor<3>>,
}

impl PromptCache {
    /// Encodes what the requests need and the cache lacks.
    pub(super) fn encode(
        &mut self,
        model: &StableDiffusion,
        weights: &Weights,
        requests: &[Request],
    ) -> Result<()> {
        let texts = requests.iter().flat_map(|request| guidance::texts(model.guidance(), request));
        self.add(model, weights, texts)
    }

    /// Encodes the texts that the cache lacks.
    ///
    /// # Errors
    /// When a text is absurdly long.
    pub fn add(
        &mut self,
        model: &StableDiffusion,
        weights: &Weights,
        texts: impl IntoIterator<Item = String>,
    ) -> Result<()> {
        let missing: BTreeSet<String> =
            texts.into_iter().filter(|text| !self.encoded.contains_key(text)).collect();
        let missing: Vec<String> = missing.into_iter().collect();
        for texts in missing.chunks(BATCH) {
            let encoded = model.encode_prompts(weights, texts)?;
            for (row, text) in texts.iter().enumerate() {
                self.encoded.insert(text.clone(), encoded.clone().narrow(0, row, 1));
            }
        }
        Ok(())
    }

    /// Encoded texts (texts, tokens, width).
    ///
    /// # Panics
    /// When a text was not added before.
    pub fn get<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Tensor<3> {
        let one = |text: &str| match self.encoded.get(text) {
            Some(encoded) => encoded.clone(),
            None => unreachable!("`{text}` was not added to the cache"),
        };
        Tensor::cat(texts.into_iter().map(one).collect(), 0)
    }

    /// What a batch sees, slot by slot: the first text of every request, then the second of every one, and so on.
    pub(super) fn context(&self, policy: Option<&Guidance>, requests: &[&Request]) -> Tensor<3> {
        let texts: Vec<_> =
            requests.iter().map(|request| guidance::texts(policy, request)).collect();
        let slots = texts.first().map_or(0, Vec::len);
        let by_slot =
            (0..slots).flat_map(|slot| texts.iter().map(move |texts| texts[slot].as_str()));
        self.get(by_slot)
    }
}
