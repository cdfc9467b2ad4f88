//! Has diffusers, transformers and PEFT open what we write and draw the same pictures.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::python::Python;
use crate::{process, workspace};

/// The samplers of the command line.
const SAMPLERS: [&str; 6] = ["ddim", "ddpm", "dpm-solver++", "euler", "euler-ancestral", "pndm"];

/// Which models are tried.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A further model folder with latents 4 x 8 x 8, besides the tiny ones of the goldens
    #[arg(long)]
    model: Vec<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let python = Python::open()?;
    workspace::build("oubliette", &[])?;
    workspace::build("oubliette-model", &["--example", "adapter"])?;
    let work = workspace::target().join("interop");
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    let mut models =
        vec![workspace::at("goldens/data/tiny-sd1"), workspace::at("goldens/data/tiny-sd2")];
    models.extend(arguments.model.iter().cloned());
    process::run(python.script("interop/interop.py").arg("prepare").arg(&work).args(&models))?;
    for model in &models {
        make(&work, model)?;
    }
    let schemas = workspace::at("spec/schema");
    process::run(python.script("interop/interop.py").arg("check").arg(&work).arg(schemas))
}

/// Unlearns, draws with every sampler, writes an adapter.
fn make(work: &Path, model: &Path) -> Result<()> {
    let Some(name) = model.file_name() else { bail!("{} is no folder", model.display()) };
    let folder = work.join(name);
    let unlearned = folder.join("unlearned");
    let mut unlearn = ours();
    unlearn.args(["unlearn", "--quiet", "--method", "uce", "--model"]).arg(model);
    unlearn.arg("--concept").arg(work.join("concept.toml")).arg("--out").arg(&unlearned);
    process::run(unlearn.arg("--runs").arg(work.join("runs")))?;
    let latents = folder.join("latents.safetensors");
    for sampler in SAMPLERS {
        let mut generate = ours();
        generate.args([
            "generate",
            "--quiet",
            "--prompt",
            "a red fox on a hill",
            "--negative",
            "a blue car",
        ]);
        generate
            .args(["--steps", "25", "--guidance", "7.5", "--sampler", sampler, "--model"])
            .arg(&unlearned);
        generate
            .arg("--latents")
            .arg(&latents)
            .arg("--out")
            .arg(folder.join(format!("{sampler}.png")));
        process::run(&mut generate)?;
    }
    let mut adapter = Command::new(workspace::target().join("release/examples/adapter"));
    process::run(adapter.arg(model).arg(&latents).arg(folder.join("adapter")))
}

/// The command line, as a user runs it.
fn ours() -> Command {
    Command::new(workspace::target().join("release/oubliette"))
}
