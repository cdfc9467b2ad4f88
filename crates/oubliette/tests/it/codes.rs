//! Every error code that `--json` can print and a user can meet, each met once; `spec/command-line.md` lists them.
use crate::bench::bench;
use crate::forge::Weights;
use crate::scene::Scene;

const UNET: &str = "model/unet/diffusion_pytorch_model.safetensors";
const GENERATE: &[&str] =
    &["generate", "--model", "model", "--prompt", "x", "--steps", "1", "--out", "x.png"];

/// A code, the exit beside it, what leads there, and the command that meets it.
type Met = (&'static str, i32, fn(&Scene), &'static [&'static str]);

const CODES: &[Met] = &[
    ("usage", 2, |_| (), &["list", "methds"]),
    ("unknown-name", 2, |_| (), &["show", "wish"]),
    (
        "settings",
        2,
        |s| swap(s, "unlearn.toml", "steps = 4", "stepps = 4"),
        &["unlearn", "unlearn.toml"],
    ),
    (
        "input",
        2,
        |s| swap(s, "update.toml", "\"pictures\"", "\"model\""),
        &["update", "update.toml"],
    ),
    ("diverged", 2, |s| swap(s, "update.toml", "1e-4", "1e30"), &["update", "update.toml"]),
    (
        "unchanged",
        2,
        |s| swap(s, "unlearn.toml", "steps = 4", "steps = 4\nlearning_rate = 1e-30"),
        &["unlearn", "unlearn.toml"],
    ),
    ("compute", 2, |_| (), &["unlearn", "unlearn.toml", "--dtype", "f16"]),
    ("already-exists", 2, |s| s.write("forgot/notes.txt", "mine"), &["unlearn", "unlearn.toml"]),
    ("picture", 2, |s| s.write("pictures/0.png", "text"), &["update", "update.toml"]),
    ("io", 2, |_| (), &["audit", "nowhere.toml"]),
    ("recipe", 2, |s| swap(s, "audit.toml", "seed = 3", "sead = 3"), &["audit", "audit.toml"]),
    ("evidence-file", 2, |_| (), &["verify", "model"]),
    ("not-a-run", 2, |_| (), &["report", "model"]),
    ("changed", 4, change_the_result, &["unlearn", "unlearn.toml"]),
    (
        "model-unreadable",
        2,
        |_| (),
        &["generate", "--model", "nowhere", "--prompt", "x", "--out", "x.png"],
    ),
    ("model-file", 2, |s| s.write(UNET, "short"), GENERATE),
    (
        "model-config",
        2,
        |s| swap(s, "model/unet/config.json", "DownBlock2D", "EvilBlock2D"),
        GENERATE,
    ),
    ("model-tensor", 2, spoil_a_number, GENERATE),
    ("setting", 2, |s| swap(s, "audit.toml", "\"ddim\"", "\"quantum\""), &["audit", "audit.toml"]),
    (
        "weight-pattern",
        2,
        |s| swap(s, "update.toml", "batch = 2", "weights = [\"nothing.*\"]"),
        &["update", "update.toml"],
    ),
];

fn swap(scene: &Scene, file: &str, from: &str, to: &str) {
    scene.edit(file, |text| text.replacen(from, to, 1));
}

fn spoil_a_number(scene: &Scene) {
    let weights = Weights::of(&std::fs::read(scene.at(UNET)).unwrap());
    let tensor = weights.first(4);
    scene.write(UNET, weights.first_number(&tensor, f32::NAN.to_le_bytes()).file());
}

/// Lets the unlearning end, and then changes the model that it made.
fn change_the_result(scene: &Scene) {
    assert_eq!(scene.run(&["unlearn", "unlearn.toml"]).code, Some(0));
    scene.edit("forgot/README.md", |text| text + "by another hand\n");
}

#[test]
fn what_the_specification_measures_is_measured_so() {
    let spec = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/events.md");
    let spec = std::fs::read_to_string(spec).unwrap();
    let line = spec.lines().find(|line| line.contains("\"event\":\"measured\"")).unwrap();
    let event: serde_json::Value = serde_json::from_str(line).unwrap();
    let metric = event["metric"].as_str().unwrap();
    let metric = oubliette_lab::METRICS.build(metric, toml::Table::new()).unwrap();
    assert_eq!(event["unit"], metric.unit());
}

#[test]
fn every_code_is_met_and_listed() {
    let spec = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/command-line.md");
    let spec = std::fs::read_to_string(spec).unwrap();
    let mut wrong = Vec::new();
    for (code, exit, harm, command) in CODES {
        let scene = bench();
        harm(&scene);
        let ended = scene.run(&[*command, &["--json"]].concat());
        let object = ended.json();
        if (object["error"]["code"].as_str(), ended.code) != (Some(code), Some(*exit)) {
            wrong.push(format!("{code} ({exit}): {:?} {}", ended.code, object["error"]));
        }
        assert_eq!(object["exit_code"], *exit, "{object}");
        assert!(spec.contains(&format!("`{code}`")), "{code} is not in the specification");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
