//! `cond_stage_model.*`: transformers' names in 1.x, OpenCLIP's in 2.x.

use crate::store::layout::{Naming, Place};
use crate::store::ldm::{TEXT, number, replace_start};

/// Names of a text encoder with so many layers.
#[derive(Clone, Copy, Debug)]
pub struct LdmText {
    /// Layers that are used; OpenCLIP's files of 2.x hold one more.
    pub layers: usize,
}

impl Naming for LdmText {
    fn candidates(&self, name: &str) -> Vec<Place> {
        let transformers = Place::whole(format!("{TEXT}transformer.{name}"));
        [transformers].into_iter().chain(open_clip(name)).collect()
    }

    fn is_ignored(&self, tensor: &str) -> bool {
        let Some(name) = tensor.strip_prefix(TEXT) else { return true };
        let unused = ["model.logit_scale", "model.text_projection", "model.attn_mask"];
        let layer = name.strip_prefix("model.transformer.resblocks.").and_then(number);
        unused.contains(&name)
            || name.ends_with("embeddings.position_ids")
            || layer.is_some_and(|(layer, _)| layer >= self.layers)
    }
}

/// OpenCLIP keeps query, key and value in one tensor.
fn open_clip(name: &str) -> Option<Place> {
    let name = name.strip_prefix("text_model.")?;
    let ends = [
        ("embeddings.token_embedding.", "token_embedding."),
        ("embeddings.position_embedding.weight", "positional_embedding"),
        ("final_layer_norm.", "ln_final."),
    ];
    if let Some(renamed) = replace_start(name, &ends) {
        return Some(Place::whole(format!("{TEXT}model.{renamed}")));
    }
    let (layer, rest) = number(name.strip_prefix("encoder.layers.")?)?;
    let block = format!("{TEXT}model.transformer.resblocks.{layer}");
    let pairs = [
        ("layer_norm1.", "ln_1."),
        ("layer_norm2.", "ln_2."),
        ("mlp.fc1.", "mlp.c_fc."),
        ("mlp.fc2.", "mlp.c_proj."),
        ("self_attn.out_proj.", "attn.out_proj."),
    ];
    if let Some(renamed) = replace_start(rest, &pairs) {
        return Some(Place::whole(format!("{block}.{renamed}")));
    }
    let joint = ["self_attn.q_proj.", "self_attn.k_proj.", "self_attn.v_proj."];
    joint.iter().enumerate().find_map(|(part, start)| {
        let kind = rest.strip_prefix(start)?;
        Some(Place {
            name: format!("{block}.attn.in_proj_{kind}"),
            part: Some((part, joint.len())),
        })
    })
}
