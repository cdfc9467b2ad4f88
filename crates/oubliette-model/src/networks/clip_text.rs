//! The text encoder: transformers' `CLIPTextModel`.

use std::path::Path;

use burn::tensor::{Int, Tensor, TensorData};
use oubliette_kernels::Mask;
use serde_json::{Map, Value, json};

use crate::error::Result;
use crate::networks::activation::Act;
use crate::networks::clip_layer::ClipLayers;
use crate::networks::limits;
use crate::networks::shapes::{ShapeScope, Shapes};
use crate::scope::Scope;
use crate::store::Fields;

/// What `config.json` says about a text encoder.
#[derive(Clone, Debug)]
pub struct ClipTextConfig {
    /// Entries of the vocabulary.
    pub vocab_size: usize,
    /// Width of a token.
    pub width: usize,
    /// Tokens of a prompt, padding included.
    pub max_tokens: usize,
    /// The token that ends a prompt. Files from before 2023 say 2 whatever the tokenizer says; for
    /// them the end is where the largest token is.
    pub eos_token_id: u64,
    layers: ClipLayers,
}

impl ClipTextConfig {
    /// Reads the object of `config.json`, or `text_config` of a CLIP; `path` is named in errors.
    ///
    /// # Errors
    /// A key has a value that is malformed, absurd or not supported.
    pub fn from_json(path: &Path, map: &Map<String, Value>) -> Result<Self> {
        let fields = Fields::new(path, map);
        // With it, no token would look at the padding.
        fields.neutral("use_attention_mask", &[json!(false)])?;
        let width = fields.size("hidden_size", 512, limits::WIDTH)?;
        let heads = fields.size("num_attention_heads", 8, limits::WIDTH)?;
        check_heads(&fields, width, heads)?;
        let eos = fields.value("eos_token_id").and_then(Value::as_u64).unwrap_or(49407);
        let layers = ClipLayers {
            width,
            heads,
            inner: fields.size("intermediate_size", 2048, 8 * limits::WIDTH)?,
            layers: fields.size("num_hidden_layers", 12, limits::LAYERS)?,
            act: Act::read(&fields, Act::QuickGelu)?,
            eps: fields.real("layer_norm_eps", 1e-5, 1e-15, 1.0)?,
        };
        Ok(Self {
            vocab_size: fields.size("vocab_size", 49408, limits::ENTRIES)?,
            width,
            max_tokens: fields.size("max_position_embeddings", 77, limits::TOKENS)?,
            eos_token_id: eos,
            layers,
        })
    }

    /// The number of layers.
    pub fn layers(&self) -> usize {
        self.layers.layers
    }
}

/// Refuses a number of heads that does not divide the width.
pub(crate) fn check_heads(fields: &Fields<'_>, width: usize, heads: usize) -> Result<()> {
    let why = || format!("is {heads}, the width {width}");
    let remedy = "it must divide the width";
    let divides = width.is_multiple_of(heads);
    if divides { Ok(()) } else { Err(fields.error("num_attention_heads", why(), remedy)) }
}

/// What a text encoder makes of a prompt.
#[derive(Clone, Debug)]
pub struct ClipTextOutput {
    /// (batch, tokens, width), after the last normalisation: what the denoiser sees.
    pub last_hidden: Tensor<3>,
    /// (batch, tokens, width), what went into the last layer, without normalisation.
    pub penultimate: Tensor<3>,
    /// (batch, width), `last_hidden` where the prompt ends.
    pub pooled: Tensor<2>,
}

/// A causal transformer over tokens.
#[derive(Clone, Debug)]
pub struct ClipText {
    config: ClipTextConfig,
}

impl ClipText {
    /// The architecture that a configuration describes.
    pub fn new(config: ClipTextConfig) -> Self {
        Self { config }
    }

    /// The configuration.
    pub fn config(&self) -> &ClipTextConfig {
        &self.config
    }

    /// The names and sizes of all weights; the names begin with `text_model.`.
    pub fn shapes(&self) -> Shapes {
        let mut shapes = Shapes::new();
        self.add_shapes(&mut ShapeScope::new(&mut shapes));
        shapes
    }

    pub(crate) fn add_shapes(&self, at: &mut ShapeScope<'_>) {
        let (config, mut at) = (&self.config, at.at("text_model"));
        at.at("embeddings.token_embedding").add("weight", &[config.vocab_size, config.width]);
        at.at("embeddings.position_embedding").add("weight", &[config.max_tokens, config.width]);
        config.layers.shapes(&mut at.at("encoder"));
        at.norm("final_layer_norm", config.width);
    }

    /// Tokens (batch, tokens) to what they mean.
    ///
    /// # Panics
    /// With more tokens than positions, or a token outside the vocabulary.
    pub fn forward(&self, at: &Scope<'_>, ids: Tensor<2, Int>) -> ClipTextOutput {
        self.forward_shifted(at, ids, None)
    }

    /// The same, with `shift` (batch, tokens, width) added to what the vocabulary says of each token.
    ///
    /// # Panics
    /// As [`ClipText::forward`], and with a shift of another shape.
    pub fn forward_shifted(
        &self,
        at: &Scope<'_>,
        ids: Tensor<2, Int>,
        shift: Option<Tensor<3>>,
    ) -> ClipTextOutput {
        let (at, [_, tokens]) = (at.at("text_model"), ids.dims());
        let ends = self.ends(&ids);
        let positions = at.tensor::<2>("embeddings.position_embedding.weight");
        let positions = positions.slice([0..tokens, 0..self.config.width]).unsqueeze::<3>();
        let x = at.at("embeddings.token_embedding").embedding(ids);
        let x = shift.into_iter().fold(x, |x, shift| x + shift) + positions;
        let (penultimate, x) = self.config.layers.forward(&at.at("encoder"), x, Mask::Causal);
        let last_hidden = at.at("final_layer_norm").layer_norm(x, self.config.layers.eps);
        let pooled = rows(last_hidden.clone(), &ends);
        ClipTextOutput { last_hidden, penultimate, pooled }
    }

    /// Where each prompt ends.
    fn ends(&self, ids: &Tensor<2, Int>) -> Vec<usize> {
        let [_, tokens] = ids.dims();
        let ids: Vec<i64> = ids.to_data().iter::<i64>().collect();
        let eos = i64::try_from(self.config.eos_token_id).unwrap_or(i64::MAX);
        let end = |prompt: &[i64]| {
            let sought = if eos == 2 { prompt.iter().copied().max() } else { Some(eos) };
            prompt.iter().position(|&id| Some(id) == sought).unwrap_or(0)
        };
        ids.chunks(tokens).map(end).collect()
    }
}

/// Token `at[i]` of row `i` of `x` (batch, tokens, width).
pub(crate) fn rows(x: Tensor<3>, at: &[usize]) -> Tensor<2> {
    let ([batch, tokens, width], device) = (x.dims(), x.device());
    let flat = at.iter().enumerate().map(|(row, &token)| (row * tokens + token) as i64);
    let flat = TensorData::new(flat.collect::<Vec<_>>(), [batch]);
    x.reshape([batch * tokens, width]).select(0, Tensor::from_data(flat, &device))
}
