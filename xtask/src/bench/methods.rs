//! Every method that trains, at the size of Stable Diffusion 1.4 with random weights: seconds of a step, and memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::{Arguments, networks, prepared, report};
use crate::python::Python;
use crate::{process, workspace};

/// Side of the latents, and the methods that are run with it.
const SIDES: [(usize, Option<&[&str]>); 2] = [(16, None), (64, Some(&["esd", "ca", "sculpting"]))];
/// What a run may hold: the limit of its data segment, and what the program is told.
const LIMIT: u64 = 22 << 30;
/// What makes a run short. The first step is a warm-up.
const SHORT: [(&str, &str); 10] = [
    ("steps", "3"),
    ("batch", "1"),
    ("pictures", "2"),
    ("sampling_steps", "2"),
    ("survey", "1"),
    ("retain_batch", "1"),
    ("updates", "3"),
    ("behind", "{ steps = [2] }"),
    ("samples", "1"),
    ("warm_up", "1"),
];

const HEAD: &str = "Random weights, in f32 where nothing else is said, one row a step, one sampled step of its own where a method draws as it trains; the mean of the steps after \
                    the first.\n\n| method | latents | trained | a step | peak memory |\n|---|---|---|---|---|";

/// What a run came to.
struct Seen {
    seconds: f64,
    peak: u64,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let python = Python::open()?;
    workspace::build("oubliette", &[])?;
    let settings = networks::released_pipeline();
    let whole = prepared(&python, &[("sd14-model".to_owned(), &settings)])?.remove(0).join("model");
    // Row by row: the whole takes most of an hour, and what was measured before an interruption stays.
    if !arguments.dry {
        report::append_text(arguments, "", HEAD)?;
    }
    for (side, only) in SIDES {
        let model = sized(&whole, side)?;
        for (name, defaults) in methods()? {
            let named = |wanted: &str| wanted.split(',').any(|part| part == name);
            let asked = arguments.only.as_deref().is_none_or(named);
            if only.is_some_and(|only| !only.contains(&name.as_str())) || !asked {
                continue;
            }
            let line = line(&model, side, &name, &defaults, arguments.threads)?;
            println!("{line}");
            if !arguments.dry {
                report::append_row(&line)?;
            }
        }
    }
    Ok(())
}

/// The methods that take steps along gradients, with their defaults.
fn methods() -> Result<BTreeMap<String, Map<String, Value>>> {
    let answer = |words: &[&str]| -> Result<Value> {
        Ok(serde_json::from_str(&process::output(program().args(words).arg("--json"))?)?)
    };
    let list = answer(&["list", "methods"])?;
    let mut trains = BTreeMap::new();
    for entry in list["result"]["entries"].as_array().context("no list of methods")? {
        let name = entry["name"].as_str().context("a method without a name")?;
        let card = answer(&["show", name])?;
        let defaults = card["result"]["entries"][0]["defaults"].as_object();
        if let Some(defaults) = defaults.filter(|all| all.contains_key("learning_rate")) {
            trains.insert(name.to_owned(), defaults.clone());
        }
    }
    Ok(trains)
}

fn program() -> Command {
    Command::new(workspace::target().join("release/oubliette"))
}

/// The method's settings for an adapter over its own weights.
const ADAPTER: &str = "parts.lora.rank";

/// A row of the table: with the method's own weights, where they want too much memory in half the memory, where that is too much by an
/// adapter over them, and where the method can have none with cross-attention alone.
fn line(
    model: &Path,
    side: usize,
    name: &str,
    defaults: &Map<String, Value>,
    threads: usize,
) -> Result<String> {
    let own = defaults.get("weights").map_or("as the method has it".to_owned(), Value::to_string);
    let own = own.replace('"', "`");
    let (half, low) = (format!("{own}, in bf16"), format!("a LoRA of rank 4 over {own}"));
    let less = "cross-attention: its own want more than 22 GiB";
    let tries = [
        (own.as_str(), "f32", None),
        (half.as_str(), "bf16", None),
        (low.as_str(), "f32", Some((ADAPTER, "4"))),
        (less, "f32", Some(("weights", r#"["attn2"]"#))),
    ];
    for (trained, format, other) in tries {
        if other.is_some_and(|(key, _)| key == "weights") && !defaults.contains_key("weights") {
            break;
        }
        let mut settings = short(defaults);
        settings.extend(other);
        if let Some(seen) = unlearn(model, name, &settings, format, threads)? {
            let (step, peak) = (report::duration(seen.seconds), seen.peak as f64 / 1e9);
            return Ok(format!("| {name} | {side} x {side} | {trained} | {step} | {peak:.1} GB |"));
        }
    }
    Ok(format!("| {name} | {side} x {side} | – | does not fit into 22 GiB | – |"))
}

fn short(defaults: &Map<String, Value>) -> BTreeMap<&str, &str> {
    // A list under the same name is another setting.
    let asked = |key: &str| defaults.get(key).is_some_and(|value| !value.is_array());
    SHORT.into_iter().filter(|(key, _)| asked(key)).collect()
}

/// One run; nothing where memory is too little for it.
fn unlearn(
    model: &Path,
    name: &str,
    settings: &BTreeMap<&str, &str>,
    format: &str,
    threads: usize,
) -> Result<Option<Seen>> {
    let place = workspace::target().join("bench/sd14-methods");
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place)?;
    let mut command = Command::new("prlimit");
    command.arg(format!("--data={LIMIT}")).arg(workspace::target().join("release/oubliette"));
    command.current_dir(&place).args(["-vv", "--json", "unlearn", "--out", "out"]);
    command
        .args(["--method", name, "--threads", &threads.to_string(), "--model"])
        .arg(model)
        .arg("--concept")
        .arg(concept(&place)?);
    command.args(["--memory", &LIMIT.to_string(), "--dtype", format]);
    for (key, value) in settings {
        command.args(["--set", &format!("{key}={value}")]);
    }
    let Output { status, stdout, stderr } = command.output()?;
    let told = String::from_utf8_lossy(&stderr);
    let says = |words: &str| String::from_utf8_lossy(&stdout).contains(words);
    match status.code() {
        Some(0) => {}
        Some(75) => return Ok(None),
        Some(2) if says("\"memory\"") => return Ok(None),
        // Whatever trains elements of layers, or looks at how far they moved, has no adapter.
        Some(2) if settings.contains_key(ADAPTER) && says("lora") => return Ok(None),
        _ => bail!("`{name}` ended with {status}: {}", String::from_utf8_lossy(&stdout)),
    }
    let answer: Value = serde_json::from_slice(&stdout)?;
    let run = place.join(answer["result"]["run"].as_str().context("no run in the answer")?);
    let telemetry: Value = serde_json::from_str(&fs::read_to_string(run.join("telemetry.jsonl"))?)?;
    let peak = telemetry["peak_memory_bytes"].as_u64().context("no peak of memory")?;
    let _ = fs::remove_dir_all(&place);
    Ok(Some(Seen { seconds: step_seconds(&told).context("no step was told")?, peak }))
}

/// The demonstration's concept with the one prompt that is short enough for the test models' tokenizer.
fn concept(place: &Path) -> Result<PathBuf> {
    let text = fs::read_to_string(workspace::at("assets/concepts/cat.toml"))?;
    let one = |line: &str| match line.starts_with("prompts = ") {
        true => "prompts = [\"a {name}\"]\n".to_owned(),
        false => format!("{line}\n"),
    };
    let file = place.join("cat.toml");
    fs::write(&file, text.lines().map(one).collect::<String>())?;
    Ok(file)
}

/// The mean over the steps after the first of the last unit that has several.
fn step_seconds(told: &str) -> Option<f64> {
    let field = |line: &str, key: &str| {
        let rest = line.split_once(&format!(" {key}="))?.1;
        Some(rest.split_whitespace().next()?.to_owned())
    };
    let steps: Vec<(String, u64, f64)> = told
        .lines()
        .filter_map(|line| {
            let number = |key| field(line, key)?.parse::<f64>().ok();
            Some((field(line, "unit")?, number("done")? as u64, number("seconds")?))
        })
        .collect();
    // What comes after training has one step.
    let last = &steps.iter().rfind(|step| step.1 > 1)?.0;
    let later: Vec<f64> =
        steps.iter().filter(|step| step.0 == *last && step.1 > 1).map(|step| step.2).collect();
    (!later.is_empty()).then(|| later.iter().sum::<f64>() / later.len() as f64)
}

/// The same model for other latents: weights are linked, not copied.
fn sized(whole: &Path, side: usize) -> Result<PathBuf> {
    let folder = whole.with_file_name(format!("model-{side}"));
    let _ = fs::remove_dir_all(&folder);
    linked(whole, &folder)?;
    let config = folder.join("unet/config.json");
    let mut unet: Value = serde_json::from_slice(&fs::read(&config)?)?;
    unet["sample_size"] = json!(side);
    fs::remove_file(&config)?;
    fs::write(&config, serde_json::to_vec_pretty(&unet)?)?;
    Ok(folder)
}

fn linked(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            linked(&entry.path(), &place)?;
        } else {
            fs::hard_link(entry.path(), place)?;
        }
    }
    Ok(())
}
