//! How Hugging Face folders name weights, in the forms in which they were released.

use crate::store::layout::{Naming, Place};

/// Diffusers' denoiser and transformers' classifier: names are those of the networks.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

impl Naming for Plain {
    fn candidates(&self, name: &str) -> Vec<Place> {
        vec![Place::whole(name)]
    }

    fn is_ignored(&self, tensor: &str) -> bool {
        // A classifier does not use the pooler that some files keep.
        tensor.starts_with("vit.pooler.")
    }
}

/// Diffusers' autoencoder; its attention was renamed in 2023.
#[derive(Clone, Copy, Debug)]
pub struct Autoencoder;

impl Naming for Autoencoder {
    fn candidates(&self, name: &str) -> Vec<Place> {
        let renamed = [
            (".to_q.", ".query."),
            (".to_k.", ".key."),
            (".to_v.", ".value."),
            (".to_out.0.", ".proj_attn."),
        ];
        let old = renamed.iter().find(|(new, _)| name.contains(new));
        let old = old.map(|(new, old)| Place::whole(name.replace(new, old)));
        [Place::whole(name)].into_iter().chain(old).collect()
    }

    fn is_ignored(&self, _tensor: &str) -> bool {
        false
    }
}

/// Transformers' text encoder and CLIP; the former lost the prefix `text_model.` in version 5, and
/// older files keep the positions as a tensor.
#[derive(Clone, Copy, Debug)]
pub struct Clip;

impl Naming for Clip {
    fn candidates(&self, name: &str) -> Vec<Place> {
        let short = name.strip_prefix("text_model.").map(Place::whole);
        [Place::whole(name)].into_iter().chain(short).collect()
    }

    fn is_ignored(&self, tensor: &str) -> bool {
        tensor.ends_with("embeddings.position_ids")
    }
}
