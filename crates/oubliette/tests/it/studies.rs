//! The pages under `studies/` follow from the raw scores that are kept beside them.
use crate::scene::{Scene, copy};
use oubliette_lab::METHODS;
use std::path::{Path, PathBuf};

/// Every recipe of which something is kept: its name.
fn kept(study: &Path) -> Vec<String> {
    let recipes = std::fs::read_dir(study).unwrap().map(|entry| entry.unwrap().path());
    let toml = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "toml");
    let mut names: Vec<String> = recipes
        .filter(|path| toml(path) && path.with_extension("").join("cells").is_dir())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert!(!names.is_empty(), "nothing is kept of {}", study.display());
    names
}

/// The page of a comparison, seen from the project's root.
fn page(study: &str, recipe: &str, name: &str) -> String {
    let table: toml::Table = recipe.parse().unwrap();
    match table.get("page").and_then(toml::Value::as_str) {
        Some(page) => page.strip_prefix("../../").unwrap().to_owned(),
        None => format!("studies/{study}/{name}/page.md"),
    }
}

/// Copies a recipe, and what is kept of it, to the same place in the scene; gives the recipe.
fn copied(scene: &Scene, study: &str, name: &str) -> String {
    let recipe = format!("studies/{study}/{name}.toml");
    std::fs::create_dir_all(scene.at("studies").join(study)).unwrap();
    std::fs::copy(root().join(&recipe), scene.at(&recipe)).unwrap();
    let out = format!("studies/{study}/{name}");
    copy(&root().join(&out).join("cells"), &scene.at(&out).join("cells"));
    let claims = format!("{out}/claims.sha256");
    if root().join(&claims).is_file() {
        std::fs::copy(root().join(&claims), scene.at(&claims)).unwrap();
    }
    recipe
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn committed(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

/// A scene with the concepts of all studies.
fn scene() -> Scene {
    let scene = Scene::empty();
    for study in ["benign-updates", "claims", "many", "methods", "tuning"] {
        let concepts = format!("studies/{study}/concepts");
        if root().join(&concepts).is_dir() {
            copy(&root().join(&concepts), &scene.at(&concepts));
        }
    }
    scene
}

/// Pages are long: only the first line that differs is shown.
fn same(rendered: &str, committed: &str, name: &str) {
    let differ = rendered.lines().zip(committed.lines()).find(|(now, then)| now != then);
    assert!(rendered == committed, "{name}: {differ:?}");
}

#[test]
fn every_page_is_rendered_again_from_what_is_kept() {
    let scene = scene();
    for study in ["benign-updates", "claims", "many", "methods"] {
        for name in kept(&root().join("studies").join(study)) {
            let recipe = copied(&scene, study, &name);
            let ended = scene.run(&["compare", &recipe, "--render"]);
            assert_eq!(ended.code, Some(0), "{ended:?}");
            let page = page(study, &committed(&recipe), &name);
            same(&scene.text(&page), &committed(&page), &name);
        }
    }
}

#[test]
fn what_was_tuned_is_chosen_again_from_what_is_kept() {
    let scene = scene();
    for name in kept(&root().join("studies/tuning")) {
        let (recipe, out) = (copied(&scene, "tuning", &name), format!("studies/tuning/{name}"));
        let chosen = format!("{out}/chosen.toml");
        let met =
            !committed(&format!("{out}/page.md")).contains("**No candidate meets the rule.**");
        let ended = scene.run(&["tune", &recipe, "--render"]);
        assert_eq!(ended.code, Some(if met { 0 } else { 3 }), "{ended:?}");
        for file in [format!("{out}/page.md"), chosen] {
            same(&scene.text(&file), &committed(&file), &name);
        }
    }
}

/// The pages of all methods: what the study of them saw.
const ALL_METHODS: [&str; 2] = ["docs/comparison-objects.md", "docs/comparison-style.md"];

/// Whether a page has a method's model broken by an arm that begins so. Labels are names, or a name, a hyphen and a variant.
fn broken(pages: &str, method: &str, arm: &str) -> bool {
    let verdict = format!("broken by {arm}");
    pages.lines().filter(|line| line.contains(&verdict)).any(|line| {
        let label = line.split('|').nth(2).unwrap_or_default().trim();
        label.split('-').next() == Some(method)
    })
}

#[test]
fn cards_say_what_the_study_of_all_methods_saw() {
    let pages = ALL_METHODS.map(committed).concat();
    for card in METHODS.cards() {
        // A new method says so until the study has run with it.
        let unmeasured = card.broken_by.contains("not measured");
        let there = pages.contains(&format!("| {}", card.name));
        assert!(
            there || unmeasured,
            "`{}` is on no page, and does not say `not measured`",
            card.name
        );
        let ours = card.broken_by.contains("our own study of methods");
        for (arm, words) in
            [("finetune/", "fine-tuning on unrelated pictures"), ("direct/", "own prompts")]
        {
            let said = ours && card.broken_by.contains(words);
            assert_eq!(said, broken(&pages, card.name, arm), "`{}`: {words}", card.name);
        }
        assert!(!(unmeasured && broken(&pages, card.name, "finetune/")), "`{}`", card.name);
    }
}

/// The cell that is run again: the cheapest one, unlearned in closed form.
const AGAIN: &str = "lion-uce";

#[test]
fn one_cell_is_run_again_and_comes_to_what_is_kept() {
    let Some(data) = test_data() else { return };
    for (study, name) in [("benign-updates", "full-1e-4"), ("methods", "objects")] {
        run_again(&data, &root().join("studies").join(study), name);
    }
}

/// Runs the cell of a study without what trains, and compares pictures with those that are kept.
fn run_again(data: &Path, study: &Path, name: &str) {
    let scene = Scene::empty();
    copy(&study.join("concepts"), &scene.at("concepts"));
    let (models, pictures) = (data.join("models"), data.join("data/emoji-canvas/train"));
    let here = |text: String| {
        let text = text.replace("../../benign-updates/work", "../work");
        text.replace("../benign-updates/work", "work")
            .replace("../work/models", &models.display().to_string())
            .replace("work/models", &models.display().to_string())
            .replace("../work/data/all", &pictures.display().to_string())
    };
    scene.edit("concepts/lion.toml", here);
    let recipe = format!("{name}.toml");
    let text = std::fs::read_to_string(study.join(&recipe)).unwrap();
    scene.write(&recipe, here(without_trainings(&text)));

    let ended = scene.run(&["compare", &recipe, "--cell", AGAIN]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let events = |folder: &Path| {
        let file = folder.join(name).join("cells").join(AGAIN).join("events.jsonl");
        looks(&std::fs::read_to_string(file).unwrap())
    };
    let (kept, again) = (events(study), events(&scene.at("")));
    assert!(again.len() > 150, "{}", again.len());
    let mut flips = 0;
    for (which, look) in &again {
        let there = kept.get(which).unwrap_or_else(|| panic!("{which} is not kept"));
        assert_eq!((&look.prompt, &look.seed), (&there.prompt, &there.seed), "{which}");
        flips += usize::from(look.hit != there.hit);
    }
    // Another processor rounds otherwise, and a picture on the threshold may fall to its other side.
    assert!(flips * 50 <= again.len(), "{flips} of {} pictures are judged otherwise", again.len());
}

/// One picture that was looked at.
struct Look {
    prompt: serde_json::Value,
    seed: serde_json::Value,
    hit: serde_json::Value,
}

/// The pictures of a run, by arm, subject and number.
fn looks(events: &str) -> std::collections::BTreeMap<String, Look> {
    let events =
        events.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let look = |event: serde_json::Value| {
        let which = format!("{} {}", event["cell"], event["index"]);
        let (prompt, seed) = (event["prompt"].clone(), event["seed"].clone());
        let hit = event["scores"]["classifier"]["hit"].clone();
        (which, Look { prompt, seed, hit })
    };
    events.filter(|event| event["event"] == "sampled").map(look).collect()
}

/// The recipe without what trains: the attacks by fine-tuning, the controls of theirs, and the other methods.
fn without_trainings(recipe: &str) -> String {
    let mut table: toml::Table = recipe.parse().unwrap();
    table.remove("never_exposed");
    table.remove("page");
    let named = |value: &toml::Value, name: &str| value["name"].as_str() == Some(name);
    let audit = table["audit"].as_table_mut().unwrap();
    audit.remove("controls");
    audit["attack"].as_array_mut().unwrap().retain(|attack| named(attack, "direct"));
    table["method"].as_array_mut().unwrap().retain(|method| named(method, "uce"));
    table["concepts"].as_array_mut().unwrap().truncate(1);
    table.to_string()
}

/// The larger models, where they are at hand.
fn test_data() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("OUBLIETTE_TEST_DATA").map(PathBuf::from) else {
        eprintln!("skipped: OUBLIETTE_TEST_DATA is not set");
        return None;
    };
    assert!(folder.is_dir(), "OUBLIETTE_TEST_DATA is set, but {} is missing", folder.display());
    Some(folder.canonicalize().unwrap())
}
