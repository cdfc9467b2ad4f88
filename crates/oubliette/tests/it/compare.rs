//! Many methods on one page: cell by cell, taken up where it stopped, rendered again from what is kept.
use crate::bench::bench;
use crate::scene::Scene;

const COMPARE: &str = r#"schema = 1
task = "compare"
seed = 3
model = "model"
concepts = ["fox.toml"]
models = "unlearned"
out = "kept"
[[never_exposed]]
model = "other"
concepts = ["fox"]
[[method]]
label = "uce"
name = "uce"
guide = "{neighbour}"
preserve = ["fox", "cat", "car"]
[[method]]
label = "esd-x"
name = "esd"
steps = 2
sampling_steps = 4
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
[[audit.attack]]
name = "finetune"
data = "pictures"
label = "near-{id}"
steps = [1, 2]
train = { batch = 2 }
"#;

const RECIPE: &[&str] = &["compare", "compare.toml"];

fn scene() -> Scene {
    let scene = bench();
    scene.write("compare.toml", COMPARE);
    scene
}

#[test]
fn cells_are_run_once_and_the_page_is_made_of_what_is_kept() {
    let scene = scene();
    let ended = scene.run(&[RECIPE, &["--cell", "fox-uce"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for run in std::fs::read_dir(scene.at("runs")).unwrap() {
        let run = run.unwrap().path();
        if run.join("plan.json").is_file() {
            let verified = scene.run(&["verify", run.to_str().unwrap()]);
            assert_eq!(verified.code, Some(0), "{verified:?}");
        }
    }
    let page = scene.text("kept/page.md");
    assert!(page.contains("**Partial.** Not measured yet: fox-esd-x."), "{page}");
    let ended = scene.run(&[RECIPE, &["--json"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.json()["result"]["missing"].as_array().unwrap().len(), 0);
    let page = scene.text("kept/page.md");
    for part in [
        "| fox | uce |",
        "| fox | esd-x |",
        "near-fox",
        "| concept | method | update | model | 1 | 2 |",
        "never exposed",
        "| concept | method | time | peak memory | bytes changed |",
        "fox by uce: original, direct/own; unlearned, direct/own; unlearned, finetune/",
        "![fox by uce](cells/fox-uce/pictures.png)",
    ] {
        assert!(page.contains(part), "`{part}` is missing:\n{page}");
    }
    assert!(!page.contains("Partial"), "{page}");
    // Both methods have the same controls: the original, and the model that was never exposed.
    assert_eq!(page.matches("| fox | – | finetune/").count(), 2, "{page}");
    assert!(
        page.contains("| direct/own | direct/paraphrase | after updates | superclass |"),
        "{page}"
    );
    let plan = scene.text("kept/cells/fox-uce/unlearn.json");
    assert!(plan.contains(r#""preserve":["cat","car"]"#), "the concept is not preserved: {plan}");
    // From what is kept alone.
    for folder in ["runs", "model", "unlearned"] {
        std::fs::remove_dir_all(scene.at(folder)).unwrap();
    }
    std::fs::remove_file(scene.at("kept/page.md")).unwrap();
    for again in [&[][..], &["--render"]] {
        assert_eq!(scene.run(&[RECIPE, again].concat()).code, Some(0));
        assert_eq!(scene.text("kept/page.md"), page);
    }
}

#[test]
fn what_lies_in_a_model_or_in_the_way_is_refused_by_its_key() {
    for (from, to, key) in [
        ("models = \"unlearned\"", "models = \"model/unlearned\"", "compare.toml:6"),
        ("out = \"kept\"", "out = \"other\"", "compare.toml:7"),
        ("out = \"kept\"", "out = \"kept\"\npage = \"model/page.md\"", "compare.toml:8"),
    ] {
        let scene = scene();
        scene.edit("compare.toml", |text| text.replace(from, to));
        let before = scene.everything();
        let ended = scene.run(RECIPE);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains(key) && ended.err.contains("in the model"), "{ended:?}");
        assert!(before == scene.everything(), "{to}");
    }
    let scene = scene();
    scene.write("unlearned/fox-uce/note.txt", "another's");
    for more in [&["--dry-run"][..], &[]] {
        let ended = scene.run(&[RECIPE, more].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains("choose another `models`"), "{ended:?}");
    }
}

#[test]
fn a_placeholder_that_nothing_fills_is_refused_before_any_cell() {
    let scene = scene();
    scene.edit("compare.toml", |text| text.replace("\"{neighbour}\"", "\"{neighbor}\""));
    let ended = scene.run(RECIPE);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.err.contains("compare.toml:14") && ended.err.contains("`{neighbor}`"),
        "{ended:?}"
    );
    assert!(!scene.at("runs").exists() && !scene.at("kept").exists());
}

#[test]
fn a_dry_run_says_what_is_ahead() {
    let scene = scene();
    let planned = |more: &[&str]| {
        let ended = scene.run(&[RECIPE, &["--dry-run", "--json"], more].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let result = ended.json()["result"].clone();
        (result["cells"].as_array().unwrap().len(), result["expected"]["seconds"].as_f64())
    };
    let (cells, all) = planned(&[]);
    let (one, first) = planned(&["--cell", "fox-uce"]);
    assert_eq!((cells, one), (2, 1));
    assert!(first.unwrap() > 0.0 && all.unwrap() > 0.0, "{first:?} of {all:?}");
    assert!(!scene.at("kept").exists() && !scene.at("runs").exists());
    assert_eq!(scene.run(&[RECIPE, &["--cell", "fox-uce"]].concat()).code, Some(0));
    assert_eq!(planned(&["--cell", "fox-uce"]), (1, None));
    // What would be refused is refused before anything is done.
    scene.edit("compare.toml", |text| text.replace("\"pictures\"", "\"none\""));
    let ended = scene.run(&[RECIPE, &["--dry-run"]].concat());
    assert_eq!(ended.code, Some(2), "{ended:?}");
}

#[test]
fn a_concept_that_was_changed_is_asked_about_again() {
    let scene = scene();
    assert_eq!(scene.run(&[RECIPE, &["--cell", "fox-uce"]].concat()).code, Some(0));
    let missing = || {
        let ended = scene.run(&[RECIPE, &["--render", "--json"]].concat());
        ended.json()["result"]["missing"].as_array().unwrap().len()
    };
    assert_eq!(missing(), 1);
    scene.edit("fox.toml", |text| text.replace("returned = 0.30", "returned = 0.40"));
    assert_eq!(missing(), 2);
    scene.edit("fox.toml", |text| text.replace("returned = 0.40", "returned = 0.30"));
    assert_eq!(missing(), 1);
}

#[test]
fn words_in_a_file_that_was_changed_are_asked_about_again() {
    let scene = scene();
    let lists = "[method.words]\nmoods = [\"calm\", \"grim\"]\n";
    scene.write("words.toml", lists);
    scene.edit("compare.toml", |text| {
        let (before, after) = text.split_once("label = \"esd-x\"").unwrap();
        let after = &after[after.find("[audit.sampling]").unwrap()..];
        let rg = "label = \"rg\"\nname = \"rg\"\nsteps = 1\nbatch = 1\npictures = 2\nsampling_steps = 2\n\
                  words = { file = \"words.toml\", activities = [], places = [\"by the sea\", \"on a hill\"], times = [], \
                  sentence = \"a {mood} {name} {place}\", held_back = 0.0 }\n";
        format!("{before}{rg}{after}")
    });
    let ended = scene.run(&[RECIPE, &["--cell", "fox-rg"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let missing = || {
        let ended = scene.run(&[RECIPE, &["--render", "--json"]].concat());
        ended.json()["result"]["missing"].clone()
    };
    assert_eq!(missing(), serde_json::json!(["fox-uce"]));
    scene.write("words.toml", lists.replace("calm", "mild"));
    assert_eq!(missing(), serde_json::json!(["fox-uce", "fox-rg"]));
    scene.write("words.toml", lists);
    assert_eq!(missing(), serde_json::json!(["fox-uce"]));
}

#[test]
fn the_page_may_lie_elsewhere_and_links_to_its_pictures() {
    let scene = scene();
    let head = "title = \"On a fox\"\nabout = \"Written before.\"\n";
    let with =
        |page: &str| COMPARE.replace("[[never", &format!("page = \"{page}\"\n{head}[[never"));
    scene.write("compare.toml", with("docs/seen.md").replace("\"kept\"", "\"all (kept)\""));
    assert_eq!(scene.run(&[RECIPE, &["--cell", "fox-uce"]].concat()).code, Some(0));
    let page = scene.text("docs/seen.md");
    assert!(page.starts_with("# On a fox\n\nWritten before.\n\n## Forgotten"), "{page}");
    let link = "../all%20%28kept%29/cells/fox-uce/pictures.png";
    assert!(page.contains(&format!("![fox by uce]({link})")), "{page}");
    assert!(scene.at("all (kept)/cells/fox-uce/pictures.png").is_file());
    assert!(!scene.at("all (kept)/page.md").exists());
    scene.write("compare.toml", with("model/unet/config.json"));
    let ended = scene.run(RECIPE);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("name a file that ends in .md"), "{ended:?}");
}

#[test]
fn how_far_pictures_moved_is_a_column_where_it_was_measured() {
    let scene = scene();
    scene.edit("compare.toml", |text| {
        text.replace(
            "[[audit.attack]]\nname = \"direct\"",
            "[audit.frechet]\nleast = 4\n[[audit.attack]]\nname = \"direct\"",
        )
    });
    assert_eq!(scene.run(&[RECIPE, &["--cell", "fox-uce"]].concat()).code, Some(0));
    let page = scene.text("kept/page.md");
    assert!(
        page.contains(
            "| alignment falls | Fréchet distance (pictures; halves of the original) | verdict |"
        ),
        "{page}"
    );
    assert!(!page.contains("real pictures"), "{page}");
    let row = page.lines().find(|line| line.starts_with("| fox | uce |")).unwrap();
    assert!(row.contains(" (4; "), "{row}");
    assert_eq!(scene.run(&[RECIPE, &["--render"]].concat()).code, Some(0));
    assert_eq!(scene.text("kept/page.md"), page);
}

#[test]
fn every_seed_has_its_cells_and_hypotheses_wait_for_them() {
    let scene = scene();
    scene.edit("compare.toml", |text| {
        let text = text.replace("seed = 3\n", "seeds = [3, 4]\n");
        text + "[[hypothesis]]\nclaim = \"more is kept\"\nbetter = \"uce\"\nthan = \"esd-x\"\nby = \"neighbours\"\n"
    });
    assert_eq!(scene.run(&[RECIPE, &["--render"]].concat()).code, Some(0));
    let page = scene.text("kept/page.md");
    assert!(page.contains("No cell has been run yet."), "{page}");
    assert!(!page.contains("Not the ones"), "{page}");
    let cells = ["fox-uce-3", "fox-esd-x-3", "fox-uce-4"];
    let some: Vec<&str> = cells.iter().flat_map(|cell| ["--cell", cell]).collect();
    assert_eq!(scene.run(&[RECIPE, &some].concat()).code, Some(0));
    let page = scene.text("kept/page.md");
    assert!(page.contains("| more is kept | neighbours | – | – | – | – | not judged yet, cells that are missing: 1 |"), "{page}");
    assert_eq!(scene.run(RECIPE).code, Some(0));
    let page = scene.text("kept/page.md");
    assert!(page.contains("Written in the recipe before the first cell was run."), "{page}");
    assert!(
        page.contains("2 seeds; 2 of 2 pairs") && page.contains("| fox, seed 4 | uce |"),
        "{page}"
    );
    assert!(scene.at("unlearned/fox-esd-x-4").is_dir());
    scene.edit("compare.toml", |text| text.replace("by = \"neighbours\"", "by = \"superclass\""));
    assert_eq!(scene.run(&[RECIPE, &["--render"]].concat()).code, Some(0));
    let page = scene.text("kept/page.md");
    assert!(page.contains("**Not the ones that were written in the recipe"), "{page}");
    // Nor are they where every cell is to be run again: what came of the old ones was seen.
    scene.edit("compare.toml", |text| text.replace("guidance = 2.0", "guidance = 3.0"));
    assert_eq!(scene.run(&[RECIPE, &["--cell", "fox-uce-3"]].concat()).code, Some(0));
    let page = scene.text("kept/page.md");
    assert!(page.contains("**Not the ones that were written in the recipe"), "{page}");
}

#[test]
fn a_claim_about_what_returns_wants_an_update() {
    let scene = scene();
    scene.edit("compare.toml", |text| {
        let attack = text.find("[[audit.attack]]\nname = \"finetune\"").unwrap();
        let text = text[..attack].replace("seed = 3\n", "seeds = [3, 4]\n");
        text + "[[hypothesis]]\nclaim = \"less returns\"\nbetter = \"uce\"\nthan = \"esd-x\"\nby = \"returned\"\n"
    });
    for more in [&[][..], &["--dry-run"]] {
        let ended = scene.run(&[RECIPE, more].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains("no update is tried") && ended.err.contains("compare.toml:"));
    }
    assert!(!scene.at("kept").exists() && !scene.at("runs").exists());
}

#[test]
fn a_long_page_is_named_and_its_beginning_is_said() {
    let scene = scene();
    let about = "about = \"\"\"\n".to_owned() + &"one line\n".repeat(300) + "\"\"\"\n";
    scene.edit("compare.toml", |text| text.replace("seed = 3\n", &format!("seed = 3\n{about}")));
    let ended = scene.run(&[RECIPE, &["--render"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(scene.text("kept/page.md").lines().count() > 300);
    assert!(ended.out.lines().count() < 250, "{}", ended.out.lines().count());
    assert!(ended.out.contains("lines more in kept/page.md"), "{ended:?}");
}

#[test]
fn a_kept_verdict_that_does_not_follow_is_an_integrity_failure() {
    let scene = scene();
    assert_eq!(scene.run(&[RECIPE, &["--cell", "fox-uce"]].concat()).code, Some(0));
    scene.edit("kept/cells/fox-uce/verdict.json", |text| {
        text.replacen("\"hits\":0", "\"hits\":1", 1)
    });
    let ended = scene.run(&[RECIPE, &["--render", "--json"]].concat());
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert_eq!(ended.json()["error"]["code"], "verdict-differs");
}

#[test]
fn a_training_that_diverges_is_named_and_the_others_go_on() {
    let scene = scene();
    scene.edit("compare.toml", |text| {
        text.replace("name = \"esd\"\n", "name = \"esd\"\nlearning_rate = 1e30\n")
            .replace("label = \"uce\"", "label = \"zuce\"")
    });
    for _ in 0..2 {
        let ended = scene.run(&[RECIPE, &["--json"]].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.json()["result"]["missing"].as_array().unwrap().len(), 0);
        let page = scene.text("kept/page.md");
        assert!(page.contains("- `fox-esd-x`: training diverged"), "{page}");
        assert!(page.contains("| fox | zuce |") && !page.contains("| fox | esd-x |"), "{page}");
        assert!(!scene.at("unlearned/fox-esd-x").exists());
    }
    let ended = scene.run(&[RECIPE, &["--dry-run"]].concat());
    assert!(ended.out.contains("fox-esd-x") && ended.out.contains("diverged"), "{ended:?}");
}

#[test]
fn a_sequence_that_diverges_is_lost_from_there_on_and_no_other() {
    let scene = scene();
    for id in ["car", "guitar"] {
        scene.write(
            format!("{id}.toml"),
            scene.text("fox.toml").replace("\"fox\"", &format!("\"{id}\"")),
        );
    }
    scene.edit("compare.toml", |text| {
        let sequence = "concepts = [\"fox.toml\", \"car.toml\", \"guitar.toml\"]\nmodels";
        let text = text.replacen("concepts = [\"fox.toml\"]\nmodels", sequence, 1);
        text.replace("out = \"kept\"", "out = \"kept\"\norder = \"in-turn\"")
            .replace("name = \"esd\"\n", "name = \"esd\"\nlearning_rate = 1e30\n")
            .replace("[[audit.attack]]\nname = \"finetune\"", "[[unused]]")
            .split("[[unused]]")
            .next()
            .unwrap()
            .to_owned()
    });
    let ended = scene.run(&[RECIPE, &["--json"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let result = &ended.json()["result"];
    let lost = serde_json::json!(["car-esd-x", "fox-esd-x", "guitar-esd-x"]);
    assert_eq!((&result["diverged"], result["missing"].as_array().unwrap().len()), (&lost, 0));
    for id in ["fox", "car", "guitar"] {
        assert!(scene.text("kept/page.md").contains(&format!("| {id} | uce |")));
    }
}

#[test]
fn a_changed_recipe_is_another_comparison() {
    let scene = scene();
    assert_eq!(scene.run(&[RECIPE, &["--cell", "fox-uce"]].concat()).code, Some(0));
    scene.edit("compare.toml", |text| text.replace("per_arm = 3", "per_arm = 2"));
    let ended = scene.run(&[RECIPE, &["--render", "--json"]].concat());
    assert_eq!(ended.json()["result"]["missing"].as_array().unwrap().len(), 2, "{ended:?}");
}

#[test]
fn what_makes_no_comparison_is_refused() {
    for (from, to, says) in [
        ("label = \"esd-x\"", "label = \"uce\"", "two methods are labelled `uce`"),
        ("label = \"esd-x\"", "label = \"../x\"", "label `../x`"),
        (
            "[audit.sampling]",
            "[audit.subjects]\noriginal = \"x\"\n[audit.sampling]",
            "`subjects` of the audit",
        ),
        ("concepts = [\"fox.toml\"]\nmodels", "concepts = []\nmodels", "no concept or no method"),
    ] {
        let scene = scene();
        scene.edit("compare.toml", |text| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        });
        let ended = scene.run(RECIPE);
        assert_eq!(ended.code, Some(2), "{to}: {ended:?}");
        assert!(ended.err.contains(says), "{to}: {ended:?}");
        assert!(!scene.at("kept").exists() && !scene.at("runs").exists());
    }
    let ended = scene().run(&[RECIPE, &["--cell", "fox-mace"]].concat());
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("fox-mace") && ended.err.contains("fox-esd-x"), "{ended:?}");
}

#[test]
fn a_cell_whose_update_diverges_says_whose_training_that_was() {
    let scene = scene();
    scene.edit("compare.toml", |text| {
        text.replace("train = { batch = 2 }", "train = { batch = 2, learning_rate = 1e30 }")
    });
    let ended = scene.run(&[RECIPE, &["--cell", "fox-uce"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let page = scene.text("kept/page.md");
    assert!(page.contains("(`finetune/") && page.contains("on the original model"), "{page}");
}
