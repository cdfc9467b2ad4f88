//! The picture classifier: transformers' `ViTForImageClassification`.

use std::path::Path;

use burn::tensor::Tensor;
use oubliette_kernels::{self as kernels, Mask};
use serde_json::{Map, Value};

use crate::error::Result;
use crate::networks::activation::Act;
use crate::networks::clip_text::check_heads;
use crate::networks::limits;
use crate::networks::patches::Patches;
use crate::networks::shapes::{ShapeScope, Shapes};
use crate::scope::Scope;
use crate::store::Fields;

/// A vision transformer with one number per label.
#[derive(Clone, Debug)]
pub struct Vit {
    /// How pictures are cut.
    pub patches: Patches,
    /// The labels, in the order of the logits.
    pub labels: Vec<String>,
    width: usize,
    heads: usize,
    inner: usize,
    layers: usize,
    act: Act,
    eps: f64,
    qkv_bias: bool,
}

impl Vit {
    /// Reads the object of `config.json`; `path` is named in errors.
    ///
    /// # Errors
    /// A key has a value that is malformed, absurd or not supported.
    pub fn from_json(path: &Path, map: &Map<String, Value>) -> Result<Self> {
        let fields = Fields::new(path, map);
        let width = fields.size("hidden_size", 768, limits::WIDTH)?;
        let heads = fields.size("num_attention_heads", 12, limits::WIDTH)?;
        check_heads(&fields, width, heads)?;
        Ok(Self {
            patches: Patches::read(&fields, 16)?,
            labels: labels(&fields)?,
            width,
            heads,
            inner: fields.size("intermediate_size", 3072, 8 * limits::WIDTH)?,
            layers: fields.size("num_hidden_layers", 12, limits::LAYERS)?,
            act: Act::read(&fields, Act::Gelu)?,
            eps: fields.real("layer_norm_eps", 1e-12, 1e-15, 1.0)?,
            qkv_bias: fields.flag("qkv_bias", true)?,
        })
    }

    /// The names and sizes of all weights.
    pub fn shapes(&self) -> Shapes {
        let (mut shapes, width) = (Shapes::new(), self.width);
        let mut at = ShapeScope::new(&mut shapes);
        at.linear("classifier", width, self.labels.len());
        let mut at = at.at("vit");
        at.add("embeddings.cls_token", &[1, 1, width]);
        at.add("embeddings.position_embeddings", &[1, self.patches.count() + 1, width]);
        let (channels, patch) = (Patches::CHANNELS, self.patches.patch_size);
        at.conv2d("embeddings.patch_embeddings.projection", channels, width, patch);
        for layer in 0..self.layers {
            self.layer_shapes(&mut at.at(format_args!("encoder.layer.{layer}")));
        }
        at.norm("layernorm", width);
        shapes
    }

    fn layer_shapes(&self, at: &mut ShapeScope<'_>) {
        let width = self.width;
        for name in ["query", "key", "value"] {
            let name = format!("attention.attention.{name}");
            at.linear_without_bias(&name, width, width);
            if self.qkv_bias {
                at.at(name).add("bias", &[width]);
            }
        }
        at.linear("attention.output.dense", width, width);
        at.linear("intermediate.dense", width, self.inner);
        at.linear("output.dense", self.inner, width);
        at.norm("layernorm_before", width);
        at.norm("layernorm_after", width);
    }

    /// Width of what the labels are told from.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Prepared pictures (batch, channels, side, side) to (batch, labels).
    pub fn logits(&self, at: &Scope<'_>, pixels: Tensor<4>) -> Tensor<2> {
        at.at("classifier").linear(self.features(at, pixels))
    }

    /// Prepared pictures (batch, channels, side, side) to what the labels are told from (batch, width).
    pub fn features(&self, at: &Scope<'_>, pixels: Tensor<4>) -> Tensor<2> {
        let vit = at.at("vit");
        let embeddings = vit.at("embeddings");
        let patches = self.patches.cut(&embeddings.at("patch_embeddings.projection"), pixels);
        let [batch, _, width] = patches.dims();
        let class = embeddings.tensor::<3>("cls_token").repeat_dim(0, batch);
        let mut x = Tensor::cat(vec![class, patches], 1) + embeddings.tensor("position_embeddings");
        for layer in 0..self.layers {
            x = self.layer(&vit.at(format_args!("encoder.layer.{layer}")), x);
        }
        let class = x.slice([0..batch, 0..1, 0..width]).reshape([batch, width]);
        vit.at("layernorm").layer_norm(class, self.eps)
    }

    fn layer(&self, at: &Scope<'_>, x: Tensor<3>) -> Tensor<3> {
        let h = at.at("layernorm_before").layer_norm(x.clone(), self.eps);
        let attn = at.at("attention.attention");
        let [q, k, v] = ["query", "key", "value"].map(|name| attn.at(name).linear(h.clone()));
        let h = kernels::attention(q, k, v, self.heads, Mask::None);
        let x = x + at.at("attention.output.dense").linear(h);
        let h = at.at("layernorm_after").layer_norm(x.clone(), self.eps);
        let h = self.act.apply(at.at("intermediate.dense").linear(h));
        x + at.at("output.dense").linear(h)
    }
}

/// `id2label`: numbers from 0 without a gap, as texts, to names.
fn labels(fields: &Fields<'_>) -> Result<Vec<String>> {
    let wrong = |why: &str| fields.error("id2label", why, "number the labels from 0 without a gap");
    match fields.value("id2label") {
        None => {
            let count = fields.size("num_labels", 2, limits::ENTRIES)?;
            Ok((0..count).map(|i| format!("LABEL_{i}")).collect())
        }
        Some(Value::Object(map)) if (1..=limits::ENTRIES).contains(&map.len()) => {
            let name = |i: usize| map.get(&i.to_string()).and_then(Value::as_str);
            let name = |i| name(i).map(str::to_owned).ok_or_else(|| wrong("has a gap"));
            (0..map.len()).map(name).collect()
        }
        Some(_) => Err(wrong("is not an object of labels")),
    }
}
