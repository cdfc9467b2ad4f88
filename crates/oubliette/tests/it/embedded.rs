//! The embedded model: drawn from without naming a model, and the demo's whole story on it.
use crate::scene::Scene;

#[test]
fn without_a_model_the_embedded_one_draws() {
    let scene = Scene::empty();
    let ended =
        scene.run(&["generate", "--prompt", "a red house", "--steps", "4", "--out", "house.png"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let picture = image::open(scene.at("house.png")).unwrap().to_rgb8();
    assert_eq!(picture.dimensions(), (64, 64));
}

#[test]
fn what_somebody_changed_in_the_demos_folder_is_not_overwritten() {
    let scene = Scene::empty();
    scene.write("story/recipes/update.toml", "# mine\n");
    let ended = scene.run(&["demo", "--out", "story", "--json"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_eq!(ended.json()["error"]["code"], "already-exists");
    assert!(ended.err.contains("update.toml") && ended.err.contains("--out"), "{ended:?}");
    assert_eq!(scene.text("story/recipes/update.toml"), "# mine\n");
}

#[test]
fn an_unlearning_that_diverges_leaves_no_model() {
    let scene = Scene::empty();
    let asset = |name: &str| {
        let assets = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets");
        assets.join(name).display().to_string()
    };
    let (model, concept) = (asset("models/canvas"), asset("concepts/cat.toml"));
    let mut asked = vec!["unlearn", "--model", &model, "--concept", &concept, "--method", "esd"];
    for setting in ["steps=4", "sampling_steps=4", "learning_rate=1e30"] {
        asked.extend(["--set", setting]);
    }
    let ended = scene.run(&[&asked[..], &["--out", "without-cat", "--json"]].concat());
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let error = &ended.json()["error"];
    assert_eq!(error["code"], "diverged", "{error}");
    assert!(error["message"].as_str().unwrap().contains("lower the learning rate"), "{error}");
    assert!(!scene.at("without-cat").exists());
}

#[test]
fn the_demo_tells_the_story_and_its_evidence_verifies() {
    let scene = Scene::empty();
    let ended = scene.run(&["demo", "--out", "story"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for part in ["made to forget", "Asked for a cat", "benign update", "Asked again", "Report: "] {
        assert!(ended.out.contains(part), "`{part}` is missing:\n{}", ended.out);
    }
    let again = scene.run(&["demo", "--out", "story", "--json"]).json();
    let result = &again["result"];
    assert_eq!(result["updated"]["is"], "broken", "the update brings the cat back: {result}");
    assert_ne!(result["erased"]["is"], "broken", "asked directly it is gone: {result}");
    let run = std::path::Path::new(result["report"].as_str().unwrap()).parent().unwrap();
    let verified = scene.run(&["verify", run.to_str().unwrap()]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let repeated = scene.run(&["unlearn", "story/recipes/forget-cat.toml", "--runs", "story/runs"]);
    assert_eq!(repeated.code, Some(0), "the demo's recipes are ordinary recipes: {repeated:?}");
}
