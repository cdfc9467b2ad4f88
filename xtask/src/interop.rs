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
    // A real model that others trained, where it lies beside the checkout.
    let data = std::env::var_os("OUBLIETTE_TEST_DATA").map(PathBuf::from);
    models.extend(data.map(|data| data.join("models/emoji-sd")));
    models.extend(arguments.model.iter().cloned());
    process::run(python.script("interop/interop.py").arg("prepare").arg(&work).args(&models))?;
    for model in &models {
        make(&work, model)?;
    }
    let schemas = workspace::at("spec/schema");
    process::run(python.script("interop/interop.py").arg("check").arg(&work).arg(schemas))
}

/// Methods beside UCE, with settings that end soon.
const METHODS: &[(&str, &[&str])] = &[
    ("esd", &["steps=2", "sampling_steps=4", "learning_rate=1e-3"]),
    (
        "sculpting",
        &["warm_up=1", "steps=2", "pictures=1", "sampling_steps=4", "learning_rate=1e-3"],
    ),
    ("speed", &["augment=2"]),
    ("erasediff", &["steps=2", "batch=1", "pictures=1", "sampling_steps=4", "learning_rate=1e-3"]),
    ("sdd", &["steps=2", "sampling_steps=4", "learning_rate=1e-3"]),
];

/// Methods whose change is trained as an adapter, and written by itself: in the attention, in the whole denoiser, in the text encoder.
const ADAPTERS: &[(&str, &[&str])] = &[
    ("esd", &["steps=2", "sampling_steps=4"]),
    ("sdd", &["steps=2", "sampling_steps=4"]),
    ("erasediff", &["steps=2", "batch=1", "pictures=1", "sampling_steps=4"]),
    ("advunlearn", &["steps=2", "updates=2", "warm_up=1", "pictures=1", "sampling_steps=4"]),
];

/// Unlearns in several ways, draws with every sampler, updates with an adapter, writes a random one.
fn make(work: &Path, model: &Path) -> Result<()> {
    let Some(name) = model.file_name() else { bail!("{} is no folder", model.display()) };
    let folder = work.join(name);
    let latents = folder.join("latents.safetensors");
    unlearn(work, model, &folder.join("uce"), &["--method", "uce"])?;
    for sampler in SAMPLERS {
        draw(&folder.join("uce"), sampler, &latents, &folder.join(format!("{sampler}.png")))?;
    }
    for (method, settings) in METHODS {
        let settings = settings.iter().flat_map(|setting| ["--set", setting]);
        let asked: Vec<&str> = ["--method", method].into_iter().chain(settings).collect();
        unlearn(work, model, &folder.join(method), &asked)?;
        let picture = folder.join(format!("{method}.png"));
        draw(&folder.join(method), "ddim", &latents, &picture)?;
    }
    for (method, settings) in ADAPTERS {
        let settings = settings.iter().flat_map(|setting| ["--set", setting]);
        let (out, adapter) = (format!("{method}-merged"), folder.join(format!("{method}-lora")));
        let mut asked: Vec<&str> = ["--method", method].into_iter().chain(settings).collect();
        asked.extend(["--set", "learning_rate=0.03", "--set", "parts.lora.rank=2", "--adapter"]);
        let adapter = adapter.display().to_string();
        asked.push(&adapter);
        unlearn(work, model, &folder.join(&out), &asked)?;
        draw(&folder.join(&out), "ddim", &latents, &folder.join(format!("{out}.png")))?;
    }
    update(work, model, &folder)?;
    draw(&folder.join("updated"), "ddim", &latents, &folder.join("updated.png"))?;
    let mut adapter = Command::new(workspace::target().join("release/examples/adapter"));
    process::run(adapter.arg(model).arg(&latents).arg(folder.join("adapter")))
}

/// Unlearns into the folder `out`.
fn unlearn(work: &Path, model: &Path, out: &Path, method: &[&str]) -> Result<()> {
    let mut unlearn = ours();
    unlearn.args(["unlearn", "--quiet"]).args(method).arg("--model").arg(model);
    unlearn.arg("--concept").arg(work.join("concept.toml")).arg("--out").arg(out);
    process::run(unlearn.arg("--runs").arg(work.join("runs")))
}

/// Trains an adapter, and writes it by itself and worked into the model.
fn update(work: &Path, model: &Path, folder: &Path) -> Result<()> {
    let model = fs::canonicalize(model)?;
    let recipe = folder.join("update.toml");
    let text = format!(
        "schema = 1\ntask = \"update\"\nmodel = {:?}\ndata = \"../pictures\"\nout = \"updated\"\nadapter = \"lora\"\n\
         [train]\nkind = \"lora\"\nsteps = 5\nbatch = 1\nlearning_rate = 0.05\n",
        model.display().to_string()
    );
    fs::write(&recipe, text)?;
    let mut update = ours();
    update.args(["update", "--quiet"]).arg(recipe);
    process::run(update.arg("--runs").arg(work.join("runs")))
}

fn draw(model: &Path, sampler: &str, latents: &Path, out: &Path) -> Result<()> {
    let mut generate = ours();
    generate.args(["generate", "--quiet", "--prompt", "a red fox on a hill"]);
    generate.args(["--negative", "a blue car", "--steps", "25", "--guidance", "7.5"]);
    generate.args(["--sampler", sampler, "--model"]).arg(model);
    process::run(generate.arg("--latents").arg(latents).arg("--out").arg(out))
}

/// The command line, as a user runs it.
fn ours() -> Command {
    Command::new(workspace::target().join("release/oubliette"))
}
