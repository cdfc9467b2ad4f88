//! The Fréchet distance of an audit: measured, said with its count, or missing with a reason.
use crate::bench::bench;
use crate::forge;
use crate::scene::Scene;
use serde_json::Value;

/// The bench with six pictures of each keep arm, and a table `[frechet]`.
fn scene(table: &str) -> Scene {
    let scene = bench();
    for number in 3..5 {
        scene.write(format!("pictures/{number}.png"), forge::png(16 + number));
    }
    scene.edit("audit.toml", |text| {
        let text = text.replace("keep = 2", "keep = 6");
        let (before, _) = text.split_once("[[attack]]\nname = \"finetune\"").unwrap();
        format!("{before}{table}")
    });
    scene
}

/// The run's folder, after an audit.
fn audited(scene: &Scene) -> String {
    let ended = scene.run(&["audit", "audit.toml", "--json"]);
    assert!(matches!(ended.code, Some(0 | 1 | 3)), "{ended:?}");
    ended.json()["result"]["run"].as_str().unwrap().to_owned()
}

fn measured(scene: &Scene, run: &str) -> Vec<Value> {
    let evidence: Value =
        serde_json::from_str(&scene.text(&format!("{run}/evidence.json"))).unwrap();
    let of = |one: &&Value| one["metric"].as_str().unwrap().starts_with("frechet");
    evidence["measured"].as_array().unwrap().iter().filter(of).cloned().collect()
}

#[test]
fn distances_are_evidence_and_verify() {
    let scene = scene("[frechet]\nleast = 5\nagainst = \"pictures\"\n");
    let run = audited(&scene);
    let found = measured(&scene, &run);
    let of = |metric: &str, subject: &str| {
        let one = found.iter().find(|one| one["metric"] == metric && one["subject"] == subject);
        let one = one.unwrap_or_else(|| panic!("{metric} of {subject}: {found:?}"));
        (one["value"].as_f64().unwrap(), one["count"].as_u64().unwrap())
    };
    assert_eq!(found.len(), 4, "{found:?}");
    // The second subject is a copy of the first.
    assert_eq!(of("frechet_distance", "unlearned"), (0.0, 12));
    assert!(of("frechet_halves", "original").0 > 0.0);
    assert_eq!(of("frechet_halves", "original").1, 6);
    assert_eq!(of("frechet_real", "original"), of("frechet_real", "unlearned"));
    assert!(of("frechet_real", "original").0 > 0.0);
    assert_eq!(of("frechet_real", "original").1, 5);
    let verdict = scene.text(&format!("{run}/verdict.json"));
    assert!(
        verdict.contains("The Fréchet distance is of 12 pictures in the 24 features of judge"),
        "{verdict}"
    );
    assert_eq!(scene.run(&["verify", &run]).code, Some(0));
    // Taken up where it stopped: the measurements are lost, and are the same again.
    let events = scene.text(&format!("{run}/events.jsonl"));
    let kept: Vec<&str> = events
        .lines()
        .filter(|line| !line.contains("frechet_") && !line.contains("finished"))
        .collect();
    scene.write(format!("{run}/events.jsonl"), kept.join("\n") + "\n");
    assert_eq!(audited(&scene), run);
    assert_eq!(measured(&scene, &run), found);
}

#[test]
fn too_few_pictures_are_no_number_and_a_reason() {
    let scene = scene("[frechet]\nfeatures = \"judge\"\n");
    let run = audited(&scene);
    assert_eq!(measured(&scene, &run), Vec::<Value>::new());
    let verdict = scene.text(&format!("{run}/verdict.json"));
    let says = "The Fréchet distance is missing: there are 12 pictures of keep prompts, and at least 30 are needed.";
    assert!(verdict.contains(says), "{verdict}");
    assert_eq!(scene.run(&["verify", &run]).code, Some(0));
}

#[test]
fn what_has_no_features_is_refused() {
    for (table, says) in [
        ("features = \"model\"", "config.json"),
        ("features = \"nowhere\"", "is no folder"),
        ("least = 3", "fewer than 4 pictures"),
        ("against = \"pictures\"", "has 5 pictures; a distance needs 30 at least"),
        ("against = \"runs\"", "runs"),
    ] {
        let scene = scene(&format!("[frechet]\n{table}\n"));
        let ended = scene.run(&["audit", "audit.toml"]);
        assert_eq!(ended.code, Some(2), "{table}: {ended:?}");
        assert!(ended.err.contains(says), "{table}: {ended:?}");
    }
}
