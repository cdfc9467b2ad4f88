//! Takes a workshop's models over as the embedded ones, each byte once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use safetensors::SafeTensors;
use serde_json::json;

use crate::workspace;

/// The workshop to take over.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder that `oubliette train` made everything of `recipes/canvas/` in
    workshop: PathBuf,
}

/// The files of the contrastive model: its text half is the text encoder's own file, which is written there when the
/// assets are unpacked.
const SHARDS: [&str; 2] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let (from, to) = (&arguments.workshop, workspace::at("assets/models"));
    if to.exists() {
        fs::remove_dir_all(&to)?;
    }
    copy(&from.join("model"), &to.join("canvas"))?;
    copy(&from.join("without-cat/unet"), &to.join("canvas-without-cat/unet"))?;
    fs::copy(from.join("without-cat/README.md"), to.join("canvas-without-cat/README.md"))?;
    for judge in ["judge-object", "judge-style"] {
        copy(&from.join(judge), &to.join(judge))?;
    }
    copy(&from.join("clip"), &to.join("clip"))?;
    split(&to.join("clip"), &to.join("canvas/text_encoder/model.safetensors"))
}

/// Leaves out of the contrastive model what lies in `text_encoder`, and says in an index where everything is.
fn split(clip: &Path, text_encoder: &Path) -> Result<()> {
    let (whole, half) = (fs::read(clip.join("model.safetensors"))?, fs::read(text_encoder)?);
    let (all, shared) = (SafeTensors::deserialize(&whole)?, SafeTensors::deserialize(&half)?);
    let (mut own, mut map, mut bytes) = (Vec::new(), BTreeMap::new(), 0);
    for (name, tensor) in all.tensors() {
        bytes += tensor.data().len();
        let same = shared.tensor(&name).is_ok_and(|other| other == tensor);
        map.insert(name.clone(), SHARDS[usize::from(!same)]);
        if !same {
            own.push((name, tensor));
        }
    }
    own.sort_by(|a, b| a.0.cmp(&b.0));
    fs::write(clip.join(SHARDS[1]), safetensors::serialize(own, None)?)?;
    let index = json!({ "metadata": { "total_size": bytes }, "weight_map": map });
    fs::write(clip.join("model.safetensors.index.json"), format!("{index:#}\n"))?;
    Ok(fs::remove_file(clip.join("model.safetensors"))?)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("{} is missing", from.display()))? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        match path.is_dir() {
            true => copy(&path, &to.join(name))?,
            false => drop(fs::copy(&path, to.join(name))?),
        }
    }
    Ok(())
}
