//! The published schemas and vectors are those of this code; `UPDATE_EXPECT=1` writes them anew.

use std::path::{Path, PathBuf};

use oubliette_evidence::document::Document;
use oubliette_evidence::event::Event;
use oubliette_evidence::evidence::EvidenceFile;
use oubliette_evidence::folder::RunFolder;
use oubliette_evidence::plan::{ArmKind, Cell, Stage, training_seed};
use oubliette_evidence::recipe::{
    AuditRecipe, CompareRecipe, TuneRecipe, UnlearnRecipe, UpdateRecipe,
};
use oubliette_evidence::verify::Verification;
use oubliette_evidence::{AuditPlan, Concept, Judgment, Plan, Recipe, verify};
use schemars::{JsonSchema, schema_for};

use crate::tale::{self, unlearned_shows};

fn spec() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec")
}

fn updating() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some()
}

/// Compares a file with what it should be, or writes it.
fn check(file: &Path, text: &str) {
    if updating() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let there = std::fs::read_to_string(file).unwrap_or_default();
    assert!(there == text, "{} is stale: run with UPDATE_EXPECT=1", file.display());
}

fn schema<T: JsonSchema>(name: &str) {
    let schema = schema_for!(T);
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    check(&spec().join("schema").join(format!("{name}.json")), &text);
}

#[test]
fn schemas_are_fresh() {
    schema::<Concept>("concept");
    schema::<UnlearnRecipe>("recipe-unlearn");
    schema::<UpdateRecipe>("recipe-update");
    schema::<AuditRecipe>("recipe-audit");
    schema::<CompareRecipe>("recipe-compare");
    schema::<TuneRecipe>("recipe-tune");
    schema::<Plan>("plan");
    schema::<Event>("event");
    schema::<EvidenceFile>("evidence");
    schema::<Judgment>("verdict");
    schema::<Verification>("verification");
}

/// Every TOML example of the pages is read by this code.
#[test]
fn the_examples_are_read() {
    let page = std::fs::read_to_string(spec().join("recipe.md")).unwrap();
    let examples: Vec<&str> =
        page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(examples.len(), 7);
    for example in examples {
        let document = Document::new(Path::new("recipe.md"), example);
        match example.contains("task = ") {
            true => drop(Recipe::parse(&document).unwrap()),
            false => drop(Concept::parse(&document).unwrap()),
        }
    }
}

/// Every line of the page about events is one, once its digests are whole.
#[test]
fn the_events_are_read() {
    let page = std::fs::read_to_string(spec().join("events.md")).unwrap();
    let example = page.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let example = example.replace('…', &"0".repeat(60));
    let events: Vec<Event> = example
        .lines()
        .map(|line| Event::from_line(Path::new("events.md"), line).unwrap())
        .collect();
    assert_eq!(events.len(), 5);
}

/// A small audit: fine-tuning brings the concept back.
fn small() -> AuditPlan {
    let mut plan = AuditPlan { worst: 4, ..tale::plan() };
    for arm in &mut plan.arms {
        arm.looks = vec![if arm.kind == ArmKind::Keep { 20 } else { 12 }];
    }
    plan
}

#[test]
fn the_run_of_the_vectors_is_fresh_and_authentic() {
    let there = spec().join("vectors/run");
    let home = tempfile::tempdir().unwrap();
    let made = RunFolder::at(home.path().join("run"));
    let leaks = |cell: &Cell, _, i: u32| cell.arm.ends_with("@200") && !i.is_multiple_of(3);
    tale::write(&made, &small(), &unlearned_shows(leaks));
    if updating() {
        drop(std::fs::remove_dir_all(&there));
        std::fs::create_dir_all(there.join("samples")).unwrap();
    }
    for sample in std::fs::read_dir(made.samples()).unwrap() {
        let (file, name) = (sample.as_ref().unwrap().path(), sample.unwrap().file_name());
        let kept = there.join("samples").join(name);
        if updating() {
            std::fs::copy(&file, &kept).unwrap();
        }
        assert_eq!(std::fs::read(kept).unwrap(), std::fs::read(file).unwrap());
    }
    for name in ["plan.json", "events.jsonl", "evidence.json", "verdict.json", "report.html"] {
        let text = std::fs::read_to_string(made.path().join(name)).unwrap();
        check(&there.join(name), &text);
    }
    let found = verify(&there).unwrap();
    assert!(found.authentic, "{found:?}");
}

/// Every run of an earlier version still verifies; there is one folder for each.
#[test]
fn kept_runs_still_verify() {
    if updating() {
        return; // they are being written
    }
    let runs = std::fs::read_dir(spec().join("vectors")).unwrap();
    let runs = runs.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    for run in runs {
        assert!(verify(&run).unwrap().authentic, "{}", run.display());
    }
}

#[test]
fn draws_are_those_of_the_vectors() {
    let plan = small();
    let arm = plan.arm("direct").unwrap();
    let draw = |stage, index| {
        let draw = arm.draw(plan.seed, stage, index);
        serde_json::json!([index, draw.prompt, draw.seed])
    };
    let vectors = serde_json::json!({
        "plan_seed": plan.seed,
        "stream": arm.stream,
        "prompts": arm.prompts.len(),
        "main": ([0, 1, 2, 41].map(|index| draw(Stage::Main, index))),
        "worst 3": ([0, 1].map(|index| draw(Stage::Worst(3), index))),
        "training": ([0, 1].map(|run| training_seed(plan.seed, "finetune/near", run))),
    });
    let text = serde_json::to_string_pretty(&vectors).unwrap() + "\n";
    check(&spec().join("vectors/draws.json"), &text);
}
