//! Single files in the names of the original `ldm` code, as Stable Diffusion checkpoints are traded.

mod text;
mod unet;
mod vae;

use crate::error::{Error, Result};
use crate::store::shards::Shards;

pub use text::LdmText;
pub use unet::LdmUnet;
pub use vae::LdmVae;

/// What the names of the three networks begin with.
const UNET: &str = "model.diffusion_model.";
const VAE: &str = "first_stage_model.";
const TEXT: &str = "cond_stage_model.";

/// Refuses tensors that belong to none of the three networks, but for the schedule's buffers (whose
/// names have no dot) and the averages kept in training.
///
/// # Errors
/// Such a tensor is there.
pub fn check_single_file(shards: &Shards) -> Result<()> {
    let known = |name: &&str| {
        [UNET, VAE, TEXT, "model_ema."].iter().any(|start| name.starts_with(start))
            || !name.contains('.')
    };
    shards.names().find(|name| !known(name)).map_or(Ok(()), |name| {
        let remedy = "use a checkpoint of Stable Diffusion 1.x or 2.x without additions";
        Err(Error::tensor(shards.file_of(name), name, "is not known", remedy))
    })
}

/// The first of `pairs` whose left side `name` begins with, replaced by its right side.
fn replace_start(name: &str, pairs: &[(&str, &str)]) -> Option<String> {
    pairs.iter().find_map(|(from, to)| Some(format!("{to}{}", name.strip_prefix(from)?)))
}

/// `3.rest` to 3 and `rest`.
fn number(text: &str) -> Option<(usize, &str)> {
    let (number, rest) = text.split_once('.')?;
    Some((number.parse().ok()?, rest))
}
