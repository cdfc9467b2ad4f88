//! Settings are chosen on other concepts than those reported: cell by cell, taken up where it stopped, from what is kept.
use crate::bench::bench;
use crate::scene::Scene;
use std::process::Stdio;
use std::time::{Duration, Instant};

const TUNE: &str = r#"schema = 1
task = "tune"
seed = 3
model = "model"
concepts = ["fox.toml", "guitar.toml"]
reported = ["lion", "car.toml"]
models = "unlearned"
out = "kept"
[method]
name = "esd"
sampling_steps = 2
[search]
learning_rate = [1e-4, 1e30]
steps = [2, 1]
[rule]
hits_at_most = 1.0
[audit.sampling]
sampler = "ddim"
steps = 2
guidance = 2.0
[audit.samples]
per_arm = 3
keep = 2
worst = 0
[[audit.attack]]
name = "direct"
"#;

const RECIPE: &[&str] = &["tune", "tune.toml"];

fn scene() -> Scene {
    let scene = bench();
    for name in ["guitar", "car"] {
        let keep = if name == "car" { "cat" } else { "car" };
        let text = scene.text("fox.toml").replace("\"fox\"", &format!("\"{name}\""));
        scene.write(format!("{name}.toml"), text.replace("\"cat\"", &format!("\"{keep}\"")));
    }
    scene.write("tune.toml", TUNE);
    scene
}

/// Every file of the runs and of what is kept.
fn written(scene: &Scene) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let ours =
        |path: &std::path::Path| ["runs", "kept"].iter().any(|dir| path.starts_with(scene.at(dir)));
    scene.everything().into_iter().filter(|(path, _)| ours(path)).collect()
}

#[test]
fn a_killed_search_is_taken_up_and_chooses_once() {
    let scene = scene();
    let planned = scene.run(&[RECIPE, &["--dry-run", "--json"]].concat());
    assert_eq!(planned.code, Some(0), "{planned:?}");
    assert_eq!(planned.json()["result"]["missing"].as_array().unwrap().len(), 8);
    assert!(planned.json()["result"]["expected"]["seconds"].as_f64().unwrap() > 0.0);
    assert!(!scene.at("kept").exists() && !scene.at("runs").exists());

    let mut child =
        scene.command(RECIPE).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while !scene.at("kept/page.md").exists() {
        assert!(begun.elapsed() < Duration::from_secs(120), "no cell is finished");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let ended = scene.run(&[RECIPE, &["--render"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(scene.text("kept/page.md").contains("**Partial.**"), "{ended:?}");
    assert!(!scene.at("kept/chosen.toml").exists(), "a part of a search chooses nothing");

    let ended = scene.run(&[RECIPE, &["--json"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let result = &ended.json()["result"];
    let states: Vec<&str> =
        (0..4).map(|n| result["candidates"][n]["is"].as_str().unwrap()).collect();
    assert_eq!(states, ["measured", "measured", "refused", "refused"], "{result}");
    assert_eq!((result["met"].as_bool(), result["cells"].as_u64()), (Some(true), Some(8)));
    assert!(result["candidates"][2].get("hits").is_none(), "what diverged is no number: {result}");
    let page = scene.text("kept/page.md");
    for part in [
        "refused on fox: training diverged",
        "| chosen |",
        "Tuned on fox, guitar.",
        "## What it cost",
    ] {
        assert!(page.contains(part), "`{part}` is missing:\n{page}");
    }
    assert!(!page.contains("Partial"), "{page}");
    // Refused on the first concept, they are not tried on the second.
    let cells = std::fs::read_dir(scene.at("kept/cells")).unwrap().count();
    assert_eq!(cells, 6);

    // Nothing is left to do, and nothing is done again.
    let before = written(&scene);
    assert_eq!(scene.run(RECIPE).code, Some(0));
    assert!(written(&scene) == before, "the second run has changed something");

    // What was chosen fits into a comparison of what is reported.
    let chosen = scene.text("kept/chosen.toml");
    let compare = format!(
        "schema = 1\ntask = \"compare\"\nmodel = \"model\"\nconcepts = [\"car.toml\"]\nmodels = \"m\"\nout = \"c\"\n{chosen}\n{}",
        &TUNE[TUNE.find("[audit.sampling]").unwrap()..]
    );
    scene.write("compare.toml", compare);
    let ended = scene.run(&["compare", "compare.toml", "--dry-run"]);
    assert!(ended.code == Some(0) && ended.out.contains("car-esd"), "{ended:?}");

    // The page and the choice follow from what is kept alone.
    for folder in ["runs", "model", "unlearned"] {
        std::fs::remove_dir_all(scene.at(folder)).unwrap();
    }
    for file in ["kept/page.md", "kept/chosen.toml"] {
        std::fs::remove_file(scene.at(file)).unwrap();
    }
    assert_eq!(scene.run(&[RECIPE, &["--render"]].concat()).code, Some(0));
    assert_eq!((scene.text("kept/page.md"), scene.text("kept/chosen.toml")), (page, chosen));
}

#[test]
fn a_search_in_which_everything_is_refused_chooses_nothing() {
    let scene = scene();
    scene.edit("tune.toml", |text| {
        text.replace("learning_rate = [1e-4, 1e30]\nsteps = [2, 1]", "etta = [1, 2]")
    });
    let ended = scene.run(RECIPE);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.out.contains("every candidate was refused"), "{ended:?}");
    assert!(ended.out.contains("the settings of method `esd` are refused"), "{ended:?}");
    assert!(!scene.at("kept/chosen.toml").exists() && !scene.at("runs").exists());
}

#[test]
fn what_is_wrong_for_every_candidate_ends_the_search() {
    for (from, to, says) in [
        ("\"lion\", \"car.toml\"", "\"guitar.toml\"", "`guitar` will be reported"),
        ("name = \"esd\"", "name = \"wish\"", "no method is called `wish`"),
        ("model = \"model\"", "model = \"nowhere\"", "is no folder"),
    ] {
        let scene = scene();
        scene.edit("tune.toml", |text| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        });
        let ended = scene.run(RECIPE);
        assert_eq!(ended.code, Some(2), "{to}: {ended:?}");
        assert!(ended.err.contains(says), "{to}: {ended:?}");
        assert!(!scene.at("kept").exists() && !scene.at("runs").exists(), "{to}");
    }
}

#[test]
fn a_search_that_keeps_nothing_is_refused_before_anything_is_unlearned() {
    let scene = scene();
    scene.edit("fox.toml", |text| text.replace("keep = [\"cat\"]", ""));
    let ended = scene.run(RECIPE);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("the audit of `fox` keeps nothing"), "{ended:?}");
    assert!(!scene.at("kept").exists() && !scene.at("runs").exists());
}

#[test]
fn a_model_that_is_in_the_way_is_no_refusal() {
    let scene = scene();
    scene.edit("tune.toml", |text| text.replace("learning_rate = [1e-4, 1e30]\n", ""));
    let planned = scene.run(&[RECIPE, &["--dry-run", "--json"]].concat());
    let cell = planned.json()["result"]["missing"][0].as_str().unwrap().to_owned();
    scene.write(format!("unlearned/{cell}/note.txt"), "another's");
    let ended = scene.run(&[RECIPE, &["--json"]].concat());
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_eq!(ended.json()["error"]["code"], "already-exists");
    assert!(!scene.at("kept/cells").exists(), "{ended:?}");
}

#[test]
fn a_cell_that_another_process_is_at_is_left_to_it_and_the_others_are_run() {
    let scene = scene();
    scene.edit("tune.toml", |text| text.replace("learning_rate = [1e-4, 1e30]\n", ""));
    let planned = scene.run(&[RECIPE, &["--dry-run", "--json"]].concat());
    let cell = |number: usize| {
        let name = planned.json()["result"]["missing"][number].as_str().unwrap().to_owned();
        format!("kept/cells/{name}")
    };
    let (first, last) = (cell(0), cell(3));
    assert_eq!(scene.run(RECIPE).code, Some(0));

    // As if neither were there yet, and the run of the first in other hands.
    let plan = scene.text(&format!("{first}/unlearn.json"));
    let mut runs = std::fs::read_dir(scene.at("runs")).unwrap().map(|run| run.unwrap().path());
    let is_it = |run: &std::path::PathBuf| {
        std::fs::read_to_string(run.join("plan.json")).is_ok_and(|text| text == plan)
    };
    let run = runs.find(is_it).unwrap();
    for cell in [&first, &last] {
        std::fs::remove_dir_all(scene.at(cell)).unwrap();
    }
    let held = std::fs::File::options().write(true).open(run.join("lock")).unwrap();
    held.lock().unwrap();
    let ended = scene.run(&[RECIPE, &["--json"]].concat());
    assert_eq!(ended.code, Some(75), "{ended:?}");
    assert_eq!(ended.json()["error"]["code"], "held");
    assert!(!scene.at(&first).exists() && scene.at(format!("{last}/verdict.json")).is_file());

    drop(held);
    assert_eq!(scene.run(RECIPE).code, Some(0));
    assert!(scene.at(format!("{first}/verdict.json")).is_file());
}

#[test]
fn what_the_machine_cannot_do_is_no_fault_of_a_candidate() {
    let scene = scene();
    let ended = scene.run(&[RECIPE, &["--dtype", "f16"]].concat());
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let open = scene.run(&[RECIPE, &["--dry-run", "--json"]].concat());
    assert_eq!(open.json()["result"]["missing"].as_array().unwrap().len(), 8, "{open:?}");
}
