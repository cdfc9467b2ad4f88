//! What is attached to a denoiser: small networks beside its own, which a model's folder carries and which no other program
//! knows. They are weights like any others, under names that begin with `attached/`.

mod file;
mod gates;

pub use file::{ATTACHED_FILE, AttachedFile};
pub use gates::{Gates, Strengths, strengths};

pub(crate) use file::{WEIGHTS_FILE, read, read_weights, write};

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::Tensor;
use burn::tensor::activation::gelu;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use oubliette_kernels as kernels;

use crate::error::Result;
use crate::scope::Scope;
use crate::store::Folder;
use crate::weights::{Weight, Weights};

/// What the names of attached weights begin with.
pub const ATTACHED: &str = "attached";
/// The largest rank of an eraser or an adapter.
pub const MAX_RANK: usize = crate::lora::MAX_RANK;

/// What is attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Attached {
    /// Behind cross-attentions: what they give, a down-projection, GELU, an up-projection, added to what they give
    /// (Receler, arXiv 2311.17717).
    Erasers {},
    /// Beside layers of the transformers: low-rank adapters, each as strong as a prompt is like one of its texts
    /// (SPM, arXiv 2312.16145).
    GatedAdapters {
        /// The texts of every adapter, by the id of what it takes away.
        texts: BTreeMap<String, Vec<String>>,
    },
}

impl Attached {
    /// What a model's folder says is attached, where it says so.
    ///
    /// # Errors
    /// The folder or the file cannot be read, or the file is malformed.
    pub fn of_folder(folder: &Path) -> Result<Option<Self>> {
        read(&Folder::open(folder)?)
    }
}

/// The two weights of an adapter beside the layer of a weight `unet/LAYER.weight`: `down` (rank, inputs) and `up` (outputs,
/// rank). Only layers of the transformers have one.
pub fn adapter_names(weight: &str, id: &str) -> Option<[String; 2]> {
    let layer = weight.strip_prefix("unet/")?.strip_suffix(".weight")?;
    let names = ["down", "up"].map(|half| format!("{ATTACHED}/{layer}.adapter.{id}.{half}"));
    layer.contains(".attentions.").then_some(names)
}

/// Where the eraser behind the cross-attention of a weight `unet/…attn2.to_out.0.weight` lies.
pub fn eraser_name(weight: &str) -> Option<String> {
    let place = weight.strip_prefix("unet/")?.strip_suffix("to_out.0.weight")?;
    place.ends_with("attn2.").then(|| format!("{ATTACHED}/{place}eraser"))
}

/// What is in force while a denoiser runs, and how strongly.
#[derive(Clone, Copy)]
pub(crate) struct InForce<'a> {
    /// The strength of every adapter for every row; without gates all are whole.
    pub(crate) gates: Option<&'a Gates>,
}

/// `y`, what a layer made of `x`, with what the adapters beside the layer make of it.
pub(crate) fn adapted<const D: usize>(
    at: &Scope<'_>,
    x: Tensor<D>,
    mut y: Tensor<D>,
    force: InForce<'_>,
) -> Tensor<D> {
    for (name, down) in at.all_attached("adapter.") {
        let Some(id) = name.strip_suffix(".down") else { continue };
        let Some(up) = at.attached(&format!("adapter.{id}.up")) else { continue };
        let low = kernels::linear(x.clone(), down.tensor::<2>(), None);
        let change = kernels::linear(low, up.tensor::<2>(), None);
        let dtype = change.dtype();
        y = y + match force.gates.and_then(|gates| gates.of::<D>(id, dtype)) {
            None => change,
            Some(strength) => change * strength,
        };
    }
    y
}

/// What a cross-attention gives, `a` (batch, pixels, width), with what the eraser behind it makes of that.
pub(crate) fn erased(at: &Scope<'_>, a: Tensor<3>) -> Tensor<3> {
    let part = |name: &str| at.attached(&format!("eraser.{name}"));
    let (Some(down), Some(up)) = (part("down.weight"), part("up.weight")) else { return a };
    let bias = |name: &str| part(name).map(Weight::tensor::<1>);
    let low = gelu(kernels::linear(a.clone(), down.tensor::<2>(), bias("down.bias")));
    let added = kernels::linear(low, up.tensor::<2>(), bias("up.bias"));
    if let Some(watched) = at.watcher() {
        watched.add_erased(added.clone());
    }
    a + added
}

/// A model's own weights, without what is attached.
pub fn own(weights: &Weights) -> Weights {
    let prefix = format!("{ATTACHED}/");
    let own = weights.iter().filter(|(name, _)| !name.starts_with(&prefix));
    own.map(|(name, weight)| (name.clone(), weight.clone())).collect()
}
