//! Which jobs there are, and everything that both sides are told alike.

use std::path::Path;

use serde_json::{Value, json};

/// What is unlearned, and how it is asked for.
pub(super) const CONCEPT: &str = "car";
const TEMPLATES: [&str; 4] =
    ["a {name}", "a noto style {name}", "a twemoji style {name}", "an openmoji style {name}"];
/// What the concept becomes, where a job maps it to something.
pub(super) const ANCHOR: &str = "taxi";
/// What is held, where a job holds something: none of what [`UNRELATED`] measures.
const RETAIN: [&str; 16] = [
    "duck",
    "parrot",
    "dog",
    "rabbit",
    "shark",
    "whale",
    "grapes",
    "strawberry",
    "corn",
    "cookie",
    "cupcake",
    "tractor",
    "locomotive",
    "trumpet",
    "drum",
    "volleyball",
];
/// Whose survival is measured.
pub(super) const UNRELATED: [&str; 12] = [
    "rooster", "bee", "cat", "octopus", "carrot", "doughnut", "violin", "baseball", "fox", "snail",
    "panda", "broccoli",
];

/// Most direct hits, and most points of unrelated pictures lost, at which a job is done; of 100.
pub(super) const RULE: [f64; 2] = [5.0, 5.0];
/// Points lost at which a training is given up.
pub(super) const HOPELESS: f64 = 15.0;
/// Pictures of an evaluation: of the concept, and of what is unrelated.
pub(super) const PICTURES: [usize; 2] = [48, 96];
/// Rows of the benign update, its steps and its rate.
pub(super) const UPDATE: (usize, u64, f64) = (4, 50, 1e-4);
/// Rows of a training step, and pictures that a job draws to train on.
const ROWS: usize = 8;
const DRAWN: usize = 48;
/// Pictures of the restricted gradient, on either side of it; its release draws 200 to 1000.
const RESTRICTED: usize = 400;
/// Weight of its retain part: the paper's lambda for classes of objects (CIFAR-10). The 1.6 of its script for nudity kept too little here.
const FOR_CLASSES: f64 = 5.0;
/// Steps of DPM-Solver++ in which pictures of the ablation are drawn, where the releases' loops take 25 of DDIM.
const SOLVER_STEPS: u32 = 10;
/// The seed that rates are chosen on; the measured seeds are those after it.
pub(super) const CHOOSING: u64 = 0;

/// A method with its settings.
#[derive(Clone)]
pub(super) struct Job {
    /// The method's name in the program.
    pub(super) method: &'static str,
    /// What the table calls it.
    pub(super) name: &'static str,
    /// The learning rates that either side tries, the likely quickest first.
    pub(super) rates: &'static [f64],
    /// A rate and steps at which models are compared: those at which the paper's loop came to few hits on the choosing seed.
    pub(super) compared: (f64, u64),
    /// Steps after which the model is looked at.
    pub(super) checkpoints: Vec<u64>,
    /// Whether the program does what the paper's loop does, number for number: then all sides are given its random numbers when they are
    /// timed, too, and take the same steps.
    pub(super) alike: bool,
    /// Settings of the program's method, but for rate and steps.
    pub(super) ours: Value,
    /// The same in the words of `benches/jobs.py`.
    pub(super) theirs: Value,
    /// The method's stage, as progress calls it.
    pub(super) stage: &'static str,
    /// What its sources draw, in the words of `benches/src/draws.rs`.
    pub(super) sources: Value,
}

impl Job {
    /// The same with random numbers that PyTorch uses in place of its own.
    pub(super) fn with_draws(&self, file: &Path) -> Self {
        Self { theirs: with(&self.theirs, json!({ "draws": file })), ..self.clone() }
    }
}

/// All of them.
pub(super) fn all() -> Vec<Job> {
    let drawn = json!({ "batch": ROWS, "pictures": DRAWN, "guidance": 4.0 });
    let (ours, theirs) = (
        with(&drawn, json!({ "sampling_steps": SOLVER_STEPS })),
        with(&drawn, json!({ "sampling_steps": 25, "solver_steps": SOLVER_STEPS })),
    );
    // As in the release: what the program saves of it changes no number.
    let restricted = json!({
        "batch": ROWS, "pictures": RESTRICTED, "guidance": 4.0, "sampling_steps": 25, "encoded": true,
        "alpha": FOR_CLASSES, "truncate": 1.1,
    });
    // One text, as in the release. Its batch of 1 is 8 here: with 1, no rate kept enough on this model.
    let walked = json!({
        "batch": ROWS, "pairs": 10, "sampling_steps": 25, "guidance": 3.0, "eta": 2.0,
        "prompts": [format!("a {CONCEPT}")],
    });
    vec![
        Job {
            method: "esd",
            name: "ESD-x",
            rates: &[1e-4, 5e-5, 2e-4],
            compared: (1e-4, 125),
            alike: false,
            checkpoints: vec![75, 100, 125, 150, 165, 180, 200, 250, 300],
            ours: with(&walked, json!({ "release": "diffusers", "variant": "x" })),
            theirs: walked,
            stage: "0-erase",
            sources: json!({ "source": { "trajectory": { "calls": 25, "pairs": 10 } } }),
        },
        Job {
            method: "ca",
            name: "concept ablation",
            rates: &[1e-4, 5e-5, 2e-4],
            compared: (1e-4, 36),
            alike: false,
            checkpoints: vec![24, 28, 32, 36, 40, 44, 48, 56, 64, 72, 80, 96],
            ours: with(&ours, json!({ "anchor": ANCHOR })),
            theirs: with(&theirs, json!({ "prompts": named(CONCEPT), "anchor": named(ANCHOR) })),
            stage: "0-ablate",
            sources: json!({ "source": noised(DRAWN, false) }),
        },
        Job {
            method: "rg",
            name: "restricted gradient",
            rates: &[1e-5, 5e-6, 2e-5],
            compared: (1e-5, 48),
            alike: true,
            checkpoints: [24, 32, 40]
                .into_iter()
                .chain((44..=80).step_by(4))
                .chain([96, 112, 128])
                .collect(),
            ours: with(&restricted, json!({ "retain": RETAIN, "uniform": true, "solver": "ddim" })),
            theirs: with(
                &restricted,
                json!({
                    "prompts": [format!("a {CONCEPT}")], "retain": RETAIN.map(|name| format!("a {name}")),
                }),
            ),
            stage: "0-restrict",
            sources: json!({ "source": noised(RESTRICTED, true), "retain_source": noised(RESTRICTED, true) }),
        },
    ]
}

/// A source of so many pictures.
fn noised(pictures: usize, encoded: bool) -> Value {
    json!({ "prompts": { "pictures": pictures, "encoded": encoded } })
}

/// What is told to the worker that writes down the program's random numbers of a training.
pub(super) fn draws(job: &Job, seed: u64, steps: u64) -> Value {
    json!({
        "kind": "draws", "seed": seed, "stage": job.stage, "steps": steps, "batch": ROWS, "latents": [4, 8, 8], "levels": 1000,
        "sources": job.sources,
    })
}

/// What the check of parity is told, which looks at all losses at once.
pub(super) fn parity(model: &Path, concept: &Path, variant: &str) -> Value {
    json!({
        "kind": "job", "method": "rg", "variant": variant, "model": model, "concept": concept, "seed": CHOOSING,
        "learning_rate": 1e-5, "checkpoints": [], "prompts": named(CONCEPT), "anchor": named(ANCHOR),
        "anchor_name": ANCHOR, "eta": 2.0, "truncate": 10.0, "latents": [8, 4, 8, 8],
    })
}

/// The concept's prompts about `name`.
pub(super) fn named(name: &str) -> Vec<String> {
    TEMPLATES.iter().map(|template| template.replace("{name}", name)).collect()
}

/// `base` with what `more` says.
pub(super) fn with(base: &Value, more: Value) -> Value {
    let mut both = base.clone();
    if let (Some(both), Value::Object(more)) = (both.as_object_mut(), more) {
        both.extend(more);
    }
    both
}

/// The concept's file, with paths from the study's folder.
pub(super) fn concept() -> String {
    let prompts = serde_json::to_string(&TEMPLATES).unwrap_or_default();
    format!(
        r#"# Written by `cargo xtask bench jobs`.
schema = 1
id = "{CONCEPT}"
kind = "object"
names = ["{CONCEPT}"]
reason = "a benchmark"
prompts = {prompts}

[[detector]]
kind = "classifier"
model = "models/judge-object"
label = "{CONCEPT}"
threshold = 0.8

[claim]
tolerated = 0.05
returned = 0.30
false_alarm = 0.05
missed_return = 0.05
keep_margin = 0.05
"#
    )
}
