//! Several concepts: what forgetting one did to the others, by models of their own, by one model at once, and in turn.
use crate::bench::bench;
use crate::scene::Scene;

const COMPARE: &str = r#"schema = 1
task = "compare"
seed = 3
model = "model"
concepts = ["fox.toml", "cat.toml", "car.toml"]
models = "unlearned"
out = "kept"
ORDER
[[method]]
label = "uce"
name = "uce"
guide = "church"
preserve = ["fox", "cat", "car", "guitar"]
[audit.sampling]
sampler = "ddim"
steps = 2
guidance = 2.0
[audit.samples]
per_arm = 4
keep = 2
worst = 0
[[audit.attack]]
name = "direct"
paraphrase = false
[audit.keep]
unrelated = ["guitar", "car"]
"#;

const RECIPE: &[&str] = &["compare", "compare.toml"];

fn scene(order: &str) -> Scene {
    let scene = bench();
    let fox = scene.text("fox.toml");
    for (id, neighbour) in [("cat", "fox"), ("car", "church")] {
        let text = fox.replace("keep = [\"cat\"]", &format!("keep = [\"{neighbour}\"]"));
        let text = text.replace("id = \"fox\"", &format!("id = \"{id}\""));
        let text = text.replace("names = [\"fox\"]", &format!("names = [\"{id}\"]"));
        let text = text.replace("label = \"fox\"", &format!("label = \"{id}\""));
        scene.write(format!("{id}.toml"), text);
    }
    scene.write("compare.toml", COMPARE.replace("ORDER", order));
    scene
}

fn done(scene: &Scene, arguments: &[&str]) -> String {
    let ended = scene.run(&[RECIPE, arguments].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    scene.text("kept/page.md")
}

/// The matrix of a page: its rows by their names, in the order of their cells.
fn matrix(page: &str) -> Vec<Vec<String>> {
    let (_, after) =
        page.split_once("## Interference").unwrap_or_else(|| panic!("no matrix:\n{page}"));
    let section = after.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let cells =
        |line: &str| line.trim_matches('|').split('|').map(|c| c.trim().to_owned()).collect();
    rows.map(cells).collect()
}

fn names(rows: &[Vec<String>]) -> Vec<&str> {
    rows.iter().map(|row| row[0].as_str()).collect()
}

/// How an entry is marked.
fn mark(entry: &str) -> &'static str {
    let counted = entry.trim_matches('*').split_once('/').unwrap_or_else(|| panic!("`{entry}`"));
    assert_eq!(counted.1, "4", "{entry}");
    match entry.chars().take_while(|c| *c == '*').count() {
        0 => "kept",
        1 => "before",
        _ => "forgotten",
    }
}

fn marks(row: &[String]) -> Vec<&'static str> {
    row[1..].iter().map(|entry| mark(entry)).collect()
}

#[test]
fn models_of_their_own_are_asked_for_each_others_concepts() {
    let scene = scene("interference = true");
    let page = done(&scene, &["--cell", "fox-uce"]);
    assert!(page.contains("**Partial.** Not measured yet: cat-uce, car-uce."), "{page}");
    let one = matrix(&page);
    assert_eq!(names(&one), ["uce", "original", "fox-uce"]);
    assert_eq!(one[0], ["uce", "fox", "cat", "car"]);
    let page = done(&scene, &[]);
    let all = matrix(&page);
    assert_eq!(names(&all), ["uce", "original", "fox-uce", "cat-uce", "car-uce"]);
    // Whoever asks the original draws the same pictures.
    assert_eq!(all[1..3], one[1..3]);
    assert_eq!(marks(&all[2]), ["forgotten", "kept", "kept"]);
    assert_eq!(marks(&all[3]), ["kept", "forgotten", "kept"]);
    assert_eq!(marks(&all[4]), ["kept", "kept", "forgotten"]);
    // What is asked of other concepts decides nothing.
    let verdict = scene.text("kept/cells/fox-uce/verdict.json");
    assert!(
        verdict.contains("Reported, not deciding: keep/other/cat, keep/other/car."),
        "{verdict}"
    );
    std::fs::remove_dir_all(scene.at("runs")).unwrap();
    assert_eq!(done(&scene, &["--render"]), page);
}

#[test]
fn one_model_forgets_all_at_once_and_every_concept_is_audited_on_it() {
    for (order, name) in [("together", "together-uce"), ("merged", "merged-uce")] {
        let scene = scene(&format!("order = \"{order}\""));
        let rows = matrix(&done(&scene, &[]));
        assert_eq!(names(&rows), ["uce", "original", name]);
        assert_eq!(marks(&rows[2]), ["forgotten"; 3]);
        let models = std::fs::read_dir(scene.at("unlearned")).unwrap();
        assert_eq!(models.map(|model| model.unwrap().file_name()).collect::<Vec<_>>(), [name]);
        let plan = scene.text("kept/cells/fox-uce/plan.json");
        // The fox's neighbour and an unrelated thing were forgotten too: neither has to survive.
        assert!(!plan.contains("keep/neighbours") && !plan.contains("\"a car\""), "{plan}");
        assert!(plan.contains("\"a guitar\""), "{plan}");
        let plan = scene.text("kept/cells/cat-uce/unlearn.json");
        assert!(plan.contains(r#""preserve":["guitar"]"#), "{plan}");
    }
}

#[test]
fn in_turn_every_model_is_asked_for_what_was_forgotten_before_and_what_is_still_to_come() {
    let scene = scene("order = \"in-turn\"");
    // The last one first: the models before it are made, and not audited.
    let page = done(&scene, &["--cell", "car-uce"]);
    assert!(page.contains("Not measured yet: fox-uce, cat-uce."), "{page}");
    let last = matrix(&page);
    assert_eq!(names(&last), ["uce", "original", "in-turn-uce-3-car"]);
    let rows = matrix(&done(&scene, &[]));
    let expected = ["in-turn-uce-1-fox", "in-turn-uce-2-cat", "in-turn-uce-3-car"];
    assert_eq!(names(&rows)[2..], expected);
    assert_eq!(marks(&rows[2]), ["forgotten", "kept", "kept"]);
    assert_eq!(marks(&rows[3]), ["before", "forgotten", "kept"]);
    assert_eq!(marks(&rows[4]), ["before", "before", "forgotten"]);
    // The columns stand in another order where only the last was audited.
    let entry = |rows: &[Vec<String>], name: &str| {
        let column = rows[0].iter().position(|head| head == name).unwrap();
        rows.last().unwrap()[column].clone()
    };
    for name in ["fox", "cat", "car"] {
        assert_eq!(entry(&last, name), entry(&rows, name), "{name}");
    }
    let plan = scene.text("kept/cells/car-uce/unlearn.json");
    assert!(plan.contains("in-turn-uce-2-cat"), "it starts from the model before: {plan}");
}

#[test]
fn the_audits_own_concept_is_no_other_one() {
    for list in ["concepts = [\"fox.toml\"]", "forgotten = [\"cat.toml\", \"cat.toml\"]"] {
        let scene = scene("");
        scene.edit("audit.toml", |text| format!("{text}[keep]\n{list}\n"));
        let ended = scene.run(&["audit", "audit.toml"]);
        assert_eq!(ended.code, Some(2), "{list}: {ended:?}");
        assert!(ended.err.contains("name every other concept once"), "{list}: {ended:?}");
    }
}

#[test]
fn what_cannot_be_compared_together_is_refused() {
    let scene = scene("order = \"together\"");
    scene
        .edit("compare.toml", |text| text.replace("guide = \"church\"", "guide = \"{neighbour}\""));
    let ended = scene.run(RECIPE);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("`{neighbour}` is another text for every concept"), "{ended:?}");
    scene.edit("compare.toml", |text| text.replace("\"cat.toml\"", "\"fox.toml\""));
    let ended = scene.run(RECIPE);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("the concept `fox` is named twice"), "{ended:?}");
    assert!(!scene.at("runs").exists() && !scene.at("kept").exists());
}
